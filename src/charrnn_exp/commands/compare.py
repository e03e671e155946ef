"""`compare` ranks runs, with means over seeds, and says what their differences are worth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import NAME, RUN, Command, Word
from charrnn_exp.errors import UserError
from charrnn_exp.streams import write_note

FORMATS = ("table", "csv", "json", "markdown", "latex", "html")
DETAILS = """\
A table of runs by validation loss: the settings that differ, mean and standard deviation over seeds and their number n
(runs that differ in `seed` alone are one variant), test loss, parameters, speed, time. Then two answers in words:
do the models differ on this text (paired over the blocks of the standard error), and do the settings (Welch's t over
seeds, at least two a side)? Runs of different texts, units or splits are never ranked together: they make groups.
  run=A,B                two runs or more: folders, latest, best, MLflow ids of runs below outputs/ or in the store,
                         from which they are downloaded once: run=ID,ID tracking=server tracking.uri=http://HOST:5000
                         and registered models of the store: run=models:/NAME@ALIAS
  run=SWEEP              all runs below a folder: outputs/NAME/DATE/TIME
  name=NAME              all runs of a name, a sweep or a text; the default is the sweep or the name of the latest run
  best=10                the variants with the lowest losses, ten of each group
  loss=1.6               seconds of updates until the validation loss was 1.6 or lower
  format=csv             table (default), csv, json, markdown, latex, html
  page=comparison.html   writes the page, too: one file that needs no network, with curves, plots and samples
"""


def run(words: Sequence[str]) -> None:
    """Print the comparison of the runs that `run=`, `name=` and `best=` choose in `format=`; write it to `page=`.

    Raises:
        UserError: if a word is unknown, or there is no such run.
        MachineError: if the page cannot be written, or the store does not give a run.
    """
    from charrnn_exp.commands.arguments import parse_arguments, read_amount, read_count, read_tracking
    from charrnn_exp.sweeps.comparison.comparison import compare_runs
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed = parse_arguments(words, COMMAND)
    given = parsed.arguments
    form, best = _read_format(given), read_count(given, "best")
    loss = read_amount(given, "loss", of=" of nats per character")
    chosen, name = given.get("run"), given.get("name")
    if chosen is None and name is None and best is None:
        from charrnn_exp.sweeps.comparison.entries import find_latest

        name = find_latest()
        write_note(f"comparing name={name}, that of the run worked on last; compare --help has other choices.")
    comparison = compare_runs(
        chosen,
        name=name,
        best=best,
        loss=loss,
        find=lambda each: find_run_anywhere(each, lambda: read_tracking(parsed)),
    )
    terminal = Terminal()
    terminal.say_as_it_is(_format(comparison, form, terminal.width).rstrip("\n"))
    if (page := given.get("page")) is not None:
        from charrnn_exp.sweeps.comparison.page import write_page

        write_page(Path(page), comparison)
        write_note(f"the page is {page}")


def _read_format(given: dict[str, str]) -> str:
    typed = given.get("format", "table")
    if typed not in FORMATS:
        raise UserError(f"format must be one of {', '.join(FORMATS)}, got {typed!r}.")
    return typed


def _format(comparison: Any, form: str, width: int | None) -> str:
    from charrnn_exp.sweeps.comparison import formats, table

    match form:
        case "table":
            return table.format_comparison(comparison, width)
        case "csv":
            return formats.format_csv(comparison)
        case "json":
            return formats.format_json(comparison)
        case "markdown":
            return formats.format_markdown(comparison)
        case "latex":
            return formats.format_latex(comparison)
        case "html":
            from charrnn_exp.sweeps.comparison.page import format_page

            return format_page(comparison)
        case _:
            raise ValueError(form)


COMMAND = Command(
    name="compare",
    order=6,
    summary="runs ranked, means over seeds, what differences mean: compare run=SWEEP loss=1.6",
    usage="compare [run=A,B|SWEEP] [name=NAME] [best=N] [loss=L] [format=NAME] [page=FILE] [tracking=server]",
    details=DETAILS,
    words=(
        RUN,
        NAME,
        Word("best"),
        Word("loss"),
        Word("format", lambda: list(FORMATS)),
        Word("page"),
    ),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)
