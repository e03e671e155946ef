"""The page of a comparison: one file with tables, answers, curves, plots, samples, failures and commands."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from charrnn_exp.errors import CharRNNError, MachineError
from charrnn_exp.files import write_durably
from charrnn_exp.sweeps.comparison.comparison import NOT_RANKED, Comparison
from charrnn_exp.sweeps.comparison.entries import Entry
from charrnn_exp.sweeps.comparison.groups import Group, Variant
from charrnn_exp.sweeps.comparison.pictures import draw_curves, draw_parallel, draw_settings
from charrnn_exp.sweeps.comparison.samples import read_sample
from charrnn_exp.sweeps.comparison.table import (
    FOLDER,
    LETTER,
    describe_group,
    list_columns,
    list_notes,
    shorten_header,
)
from charrnn_exp.sweeps.comparison.verdicts import Answer
from charrnn_exp.views.html.charts import find_colour, shorten
from charrnn_exp.views.html.document import escape, escape_block, write_document, write_table
from charrnn_exp.views.remake import read_defaults, write_command

MAX_ROWS = 200
"""Most variants of a group in tables and lists, and most failures."""
MAX_GROUPS = 8
"""Most groups that have pictures; those after them have a table."""
MAX_SAMPLES = 8
MAX_COMMAND = 2_000
"""Most characters of a command."""
INTRODUCTION = """\
<p class="soft">Losses are nats per character on the validation text; lower is better. A variant is all runs that
differ in their seed alone: its loss is the mean over its n seeds, +- sd their standard deviation. Seconds are those of
updates. This file needs no network.</p>"""


def format_page(comparison: Comparison, *, search: str = "") -> str:
    """Return the page as HTML; every text that comes from a run is escaped.

    Args:
        comparison: of the runs.
        search: markup about the search that made them, which stands first.
    """
    num_runs = sum(group.num_runs for group in comparison.groups)
    title = f"{'Search' if search else 'Comparison'} of {num_runs} {'run' if num_runs == 1 else 'runs'}"
    defaults = read_defaults()
    parts = [f"<h1>{title}</h1>", INTRODUCTION, search]
    if len(comparison.groups) > 1:
        parts.append(f"<p>{len(comparison.groups)} groups: {NOT_RANKED}.</p>")
    for number, (group, answers) in enumerate(zip(comparison.groups, comparison.answers, strict=True)):
        parts.append(f'<section aria-labelledby="g{number}"><h2 id="g{number}">{escape(describe_group(group))}</h2>')
        parts += _write_results(comparison, group)
        parts += _write_answers(answers)
        if number < MAX_GROUPS:
            parts += draw_curves(comparison, group, number)
            parts += draw_settings(group)
            parts += draw_parallel(group)
            parts += _write_samples(group)
        parts += _write_commands(group.variants, defaults)
        parts.append("</section>")
    parts += _write_unranked(comparison.unranked)
    return write_document(title, "\n".join(parts), has_pictures=bool(search))


def write_page(path: Path, comparison: Comparison, *, search: str = "") -> None:
    """Write the page to a file; arguments as for `format_page`.

    Raises:
        MachineError: if it cannot be written.
    """
    try:
        write_durably(path, format_page(comparison, search=search))
    except (OSError, ValueError) as error:  # ValueError: "." is no name of a file
        reason = error.strerror if isinstance(error, OSError) else error
        raise MachineError(f"cannot write page={path} ({reason}): choose a file in a folder of yours.") from error


def _write_answers(answers: Sequence[Answer]) -> Iterator[str]:
    for answer in answers:
        question = "settings" if answer.question == "settings" else f"models on the {answer.text}"
        yield f"<h3>Do the {question} differ?</h3>"
        yield "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in answer.tell()) + "</ul>"


def _write_results(comparison: Comparison, group: Group) -> Iterator[str]:
    columns = {name: cells[:MAX_ROWS] for name, cells in list_columns(comparison, group).items()}
    header = list(map(shorten_header, columns))
    yield "<h3>Results</h3>"
    rows = list(zip(*columns.values(), strict=True))
    yield write_table(header, rows, label=f"Results of {group.title}", texts=(LETTER, FOLDER))
    if len(group.variants) > MAX_ROWS:
        yield f"<p>{len(group.variants) - MAX_ROWS} more variants with higher losses are left out.</p>"
    notes = list(list_notes(group))[:MAX_ROWS]
    if notes:
        yield "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"


def _write_samples(group: Group) -> Iterator[str]:
    found = [(variant, read_sample(variant.runs[0])) for variant in group.variants[:MAX_SAMPLES]]
    if not any(text for _, text in found):
        return
    yield '<h3>Samples side by side</h3><div class="samples">'
    for number, (variant, text) in enumerate(found):
        if text:
            yield (
                f'<figure><figcaption><span class="k" style="color:{find_colour(number)}">{variant.letter}</span> '
                f'{escape(shorten(variant.label, 200))}</figcaption><pre tabindex="0" '
                f'aria-label="Sample of {variant.letter}">{escape_block(text)}</pre></figure>'
            )
    yield "</div>"


def _write_commands(variants: Sequence[Variant], defaults: dict[str, object]) -> Iterator[str]:
    runs = [(variant, run) for variant in variants for run in variant.runs][:MAX_ROWS]
    yield f"<details><summary>Commands that make these runs ({len(runs)})</summary>"
    for variant, run in runs:
        name = f"{variant.letter}, seed {run.seed}: {run.folder.path}"
        yield f'<p class="soft">{escape(shorten(name, 400))}</p>'
        yield f'<pre tabindex="0">{escape_block(shorten(_find_command(run, defaults), MAX_COMMAND))}</pre>'
    yield "</details>"


def _find_command(run: Entry, defaults: dict[str, object]) -> str:
    try:
        return write_command(run.overview, defaults)
    except CharRNNError as error:
        return f"# {error}"


def _write_unranked(entries: Sequence[Entry]) -> Iterator[str]:
    if not entries:
        return
    yield f'<section aria-labelledby="not"><h2 id="not">Not ranked: {len(entries)}</h2>'
    rows = [(str(entry.overview.status or "-"), str(entry.problem), str(entry.folder.path)) for entry in entries]
    header = ("status", "reason", "run")
    yield write_table(header, rows[:MAX_ROWS], label="Runs that are not ranked", texts=header)
    if len(rows) > MAX_ROWS:
        yield f"<p>{len(rows) - MAX_ROWS} more are left out.</p>"
    yield "</section>"
