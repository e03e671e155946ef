"""Runs as a table: as many columns as the terminal has room for, all of them in a pipe."""

from collections.abc import Mapping, Sequence
from typing import Any

from charrnn_exp.run_folder.overview import Overview
from charrnn_exp.streams import escape_line, measure, wrap
from charrnn_exp.views.table import format_table

NEVER_DIFFER = ("name", "tracking.")
"""Settings that are not compared: a column of its own has the name, and where a run is tracked changes no number."""
MAX_CELL = 30
"""Widest value of a setting on a terminal."""
DROPPED_FIRST = ("step", "train_loss", "test_loss", "best_val_loss", "name")
"""Columns that give way on a narrow terminal, before the settings from the last on."""


def list_columns(overviews: Sequence[Overview]) -> dict[str, list[str]]:
    """Return the cells of each column by its header: name, status, losses, the settings that differ, folder."""
    settings = find_differing(overviews)
    columns = {
        "name": [each.name for each in overviews],
        "status": [each.status or "-" for each in overviews],
        "step": [f"{each.summary.step:,}" for each in overviews],
        "val_loss": [_show_loss(each.summary.val_loss) for each in overviews],
        "best_val_loss": [_show_loss(each.best_val_loss) for each in overviews],
        "train_loss": [_show_loss(each.summary.train_loss) for each in overviews],
        "test_loss": [_show_loss(each.summary.test_loss) for each in overviews],
        **{key: [show_value(each.settings.get(key)) for each in overviews] for key in settings},
        "folder": [str(each.folder.path) for each in overviews],
    }
    empty = {name for name in ("test_loss", "train_loss", "best_val_loss") if set(columns[name]) == {"-"}}
    return {name: [escape_line(cell) for cell in cells] for name, cells in columns.items() if name not in empty}


def find_differing(overviews: Sequence[Overview]) -> list[str]:
    """Return the settings, by dotted key, that do not have the same value in all runs."""
    keys = {key: None for each in overviews for key in each.settings if not key.startswith(NEVER_DIFFER)}
    return [key for key in keys if len({show_value(each.settings.get(key)) for each in overviews}) > 1]


def format_runs(overviews: Sequence[Overview], width: int | None) -> str:
    """Return a line for each run below a line of headers.

    Args:
        overviews: in the order of the lines.
        width: columns of the terminal; the folder that has no room stands on a line of its own. None: tabs between
            all columns, for other programs.
    """
    columns = list_columns(overviews)
    if width is None:
        return "\n".join("\t".join(row) for row in [list(columns), *zip(*columns.values(), strict=True)])
    shown = {name: [_shorten(name, cell) for cell in cells] for name, cells in columns.items()}
    folders = shown.pop("folder")
    settings = [name for name in shown if "." in name or name == "seed"]
    order = [*(name for name in DROPPED_FIRST if name in shown), *reversed(settings)]
    dropped: list[str] = []
    while _measure_columns(shown) > width and order:
        dropped.append(order.pop(0))
        del shown[dropped[-1]]
    if _measure_columns(shown | {"folder": folders}) <= width:
        lines = _format_columns(shown | {"folder": folders})
    else:
        head, *rows = _format_columns(shown)
        lines = [head, *(line for row, folder in zip(rows, folders, strict=True) for line in (row, f"  {folder}"))]
    hidden = wrap(f"no room for: {', '.join(dropped)} (all stand in a pipe: list | cat)", width) if dropped else []
    return "\n".join([*lines, *hidden])


def show_value(value: Any) -> str:
    """Return the value of a setting as typed on the command line."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{','.join(map(show_value, value))}]"
        case _:
            return str(value)


def _show_loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"


def _shorten(name: str, cell: str) -> str:
    return cell if name == "folder" or len(cell) <= MAX_CELL else f"{cell[: MAX_CELL - 3]}..."


def _measure_columns(columns: Mapping[str, Sequence[str]]) -> int:
    return sum(max(map(measure, (_name(name), *cells))) for name, cells in columns.items()) + 2 * (len(columns) - 1)


def _format_columns(columns: Mapping[str, Sequence[str]]) -> list[str]:
    rows = zip(*columns.values(), strict=True)
    return format_table([_name(name) for name in columns], rows, left=("name", "status", "folder")).split("\n")


def _name(name: str) -> str:
    """Return the header of a column: a setting's name without its group."""
    return name.rpartition(".")[2]
