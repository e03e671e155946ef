"""A comparison as text: a table for each group, the answers in words, the runs that are not ranked."""

from collections.abc import Callable, Iterator, Sequence

from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.evaluation.baseline.published import PARTS, find_lowest, find_published
from charrnn_exp.streams import escape_line, measure, wrap
from charrnn_exp.sweeps.comparison.comparison import NOT_RANKED, Comparison
from charrnn_exp.sweeps.comparison.groups import Group, Variant
from charrnn_exp.sweeps.comparison.statistics import Spread
from charrnn_exp.views.runs import show_value
from charrnn_exp.views.table import format_table

MAX_CELL = 30
"""Widest value of a setting."""
CHANGED = "*"
"""Mark of a variant whose settings changed in the life of its runs."""
LETTER, LOSS, FOLDER = "variant", "val_loss", "best run"
REACHED = "to "
"""Start of the header of the seconds to a loss."""
DROPPED_FIRST = ("time", "chars/s", "parameters", "test_loss")
"""Columns that give way on a narrow terminal, before the settings from the last on."""
LEFT = (LETTER, FOLDER)


def list_columns(comparison: Comparison, group: Group) -> dict[str, list[str]]:
    """Return the cells of each column by its header; columns that are empty are left out."""
    variants = group.variants
    columns = {
        LETTER: [variant.letter + CHANGED * variant.is_changed for variant in variants],
        **{key: [_shorten(show_value(variant.settings[key])) for variant in variants] for key in group.keys},
        LOSS: [f"{variant.loss.mean:.4f}" for variant in variants],
        "+- sd": [_show(_deviation(variant), "{:.4f}") for variant in variants],
        "n": [str(variant.loss.count) for variant in variants],
        "test_loss": _list_means(variants, lambda each: each.measure("test_loss"), "{:.4f}"),
        "parameters": _list_means(variants, lambda each: each.measure("num_parameters"), "{:,.0f}"),
        "chars/s": _list_means(variants, lambda each: each.measure("chars_per_second"), "{:,.0f}"),
        "time": _list_means(variants, lambda each: each.measure("seconds"), "{:,.1f} s"),
    }
    if comparison.loss is not None:
        columns[f"{REACHED}{comparison.loss:g}"] = [_show_reached(comparison, variant) for variant in variants]
    columns[FOLDER] = [str(variant.runs[0].folder.path) for variant in variants]
    return {
        escape_line(name): [escape_line(cell) for cell in cells]
        for name, cells in columns.items()
        if name in (*group.keys, LOSS) or set(cells) != {"-"}
    }


def format_comparison(comparison: Comparison, width: int | None) -> str:
    """Return the tables, the answers and the runs that are not ranked.

    Args:
        comparison: of runs.
        width: columns of the terminal; None: no limit.
    """
    lines: list[str] = []
    if len(comparison.groups) > 1:
        lines += _wrap(f"{len(comparison.groups)} groups: {NOT_RANKED}.", width)
    for group, answers in zip(comparison.groups, comparison.answers, strict=True):
        lines += ["", *_wrap(describe_group(group), width)] if lines else _wrap(describe_group(group), width)
        lines += _format_columns(list_columns(comparison, group), list(map(escape_line, group.keys)), width)
        for note in list_notes(group):
            lines += _wrap(note, width)
        for answer in answers:
            lines += [line for sentence in answer.tell() for line in _wrap(escape_line(sentence), width)]
    if comparison.unranked:
        lines += ["", "not ranked:"] if lines else ["not ranked:"]
        for entry in comparison.unranked:
            lines.append(f"  {escape_line(str(entry.folder.path))}")
            lines += [f"    {line}" for line in _wrap(escape_line(str(entry.problem)), width and width - 4)]
    return "\n".join(lines)


def describe_group(group: Group) -> str:
    """Return the title of a group with its numbers of runs and variants."""
    runs = "1 run" if group.num_runs == 1 else f"{group.num_runs} runs"
    variants = "1 variant" if len(group.variants) == 1 else f"{len(group.variants)} variants"
    return escape_line(f"{group.title}: {runs}, {variants}, by validation loss (nats per character)")


def list_notes(group: Group) -> Iterator[str]:
    """Yield what a reader of the table must know: what others reach, changed settings, repeated seeds."""
    best = group.variants[0].runs[0]
    if (ngrams := best.summary.ngram_val_loss) is not None:
        yield f"counting {ORDER}-grams reaches {ngrams:.4f} on the validation text"
    sha256 = best.overview.text[0] if best.overview.text else None
    for part, each in find_lowest(find_published(best.settings, sha256)).items():
        yield f"lowest published loss of this {PARTS[part]}: {each}"
    for variant in group.variants:
        for change in dict.fromkeys(str(change) for run in variant.runs for change in run.changes):
            yield escape_line(f"{variant.letter}{CHANGED} changed in its life: {change}")
    if repeats := sum(variant.repeats for variant in group.variants):
        runs = "1 run repeats a seed" if repeats == 1 else f"{repeats} runs repeat a seed"
        yield f"{runs} of the same settings: the last one of each seed counts"


def shorten_header(name: str) -> str:
    """Return the header of a column: a setting without its group.

    >>> shorten_header("model.hidden_size"), shorten_header("to 1.6")
    ('hidden_size', 'to 1.6')
    """
    return name if name.startswith(REACHED) else name.rpartition(".")[2]


def _format_columns(columns: dict[str, list[str]], keys: Sequence[str], width: int | None) -> list[str]:
    """Return the table; where it has no room, columns are left out and named, and folders get lines of their own."""
    shown = dict(columns)
    folders = shown.pop(FOLDER)
    reached = [name for name in shown if name.startswith(REACHED)]
    order = [name for name in (*DROPPED_FIRST, *reversed(keys), *reached) if name in shown]
    dropped: list[str] = []
    while width is not None and order and max(map(measure, _join(shown))) > width:
        dropped.append(order.pop(0))
        del shown[dropped[-1]]
    lines = _join(shown | {FOLDER: folders})
    if width is not None and max(map(measure, lines)) > width:
        head, *rows = _join(shown)
        lines = [head, *(line for row, folder in zip(rows, folders, strict=True) for line in (row, f"  {folder}"))]
    return lines + (_wrap(f"no room for: {', '.join(dropped)} (format=csv has all)", width) if dropped else [])


def _join(columns: dict[str, list[str]]) -> list[str]:
    header = list(map(shorten_header, columns))
    return format_table(header, zip(*columns.values(), strict=True), left=LEFT).split("\n")


def _wrap(line: str, width: int | None) -> list[str]:
    return [line] if width is None else wrap(line, width)


def _list_means(variants: Sequence[Variant], find: Callable[[Variant], Spread | None], form: str) -> list[str]:
    spreads = [find(variant) for variant in variants]
    return [_show(None if spread is None else spread.mean, form) for spread in spreads]


def _deviation(variant: Variant) -> float | None:
    return variant.loss.deviation


def _show_reached(comparison: Comparison, variant: Variant) -> str:
    """Return the mean seconds to the asked loss, and how many of the seeds reached it where not all did."""
    spread = comparison.find_seconds(variant)
    if spread is None:
        return "never"
    some = "" if spread.count == len(variant.runs) else f" ({spread.count} of {len(variant.runs)})"
    return f"{spread.mean:,.1f} s{some}"


def _show(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _shorten(cell: str) -> str:
    return cell if len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 3]}..."
