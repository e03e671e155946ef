"""Texts side by side on a terminal."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import chop_cells, set_cell_size

from charrnn_exp.streams import escape_controls, wrap

LEAST_WIDTH = 30
"""Columns of the terminal below which a text is not worth reading beside another."""
GAP = " | "


def lay_side_by_side(titled: Sequence[tuple[str, str]], width: int) -> str | None:
    """Return texts in columns, each below its title; None where the terminal is too narrow.

    Args:
        titled: titles and texts.
        width: columns of the terminal.

    >>> print(lay_side_by_side([("a", "one two"), ("b", "three")], 70))
    a                                 | b
    <BLANKLINE>
    one two                           | three
    """
    of_each = (width - len(GAP) * (len(titled) - 1)) // len(titled)
    if of_each < LEAST_WIDTH:
        return None
    columns = [[*_wrap_all(title, of_each), "", *_wrap_all(text, of_each)] for title, text in titled]
    rows = zip_longest(*columns, fillvalue="")
    lines = [(GAP if any(row) else "   ").join(set_cell_size(cell, of_each) for cell in row).rstrip() for row in rows]
    return "\n".join(lines)


def _wrap_all(text: str, width: int) -> list[str]:
    rows = [row for line in escape_controls(text).split("\n") for row in wrap(line, width, indent="")]
    return [piece for row in rows for piece in chop_cells(row, width) or [""]]
