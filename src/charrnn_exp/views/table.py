"""Rows in columns, for scripts of any width."""

from collections.abc import Collection, Iterable, Sequence

from charrnn_exp.streams import measure


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[str] | None = None) -> str:
    """Return rows as text in columns; those named in `left` are left-aligned, the others right-aligned.

    Args:
        header: a name for each column.
        rows: a text for each column.
        left: headers of the left-aligned columns; None: the first.

    >>> print(format_table(["name", "weights"], [["output", "1,280"]]))
    name    weights
    output    1,280
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(measure(line[i]) for line in lines) for i in range(len(header))]
    chosen = header[:1] if left is None else left

    def align(line: Sequence[str]) -> str:
        cells = []
        for name, cell, width in zip(header, line, widths, strict=True):
            space = " " * (width - measure(cell))
            cells.append(cell + space if name in chosen else space + cell)
        return "  ".join(cells).rstrip()

    return "\n".join(map(align, lines))


def fit_columns(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None,
    *,
    dropped_first: Sequence[str],
) -> str:
    """Return rows as a table without the columns that have no room.

    Args:
        header: a name for each column.
        rows: a text for each column.
        width: columns of the terminal; None: no limit.
        dropped_first: headers of the columns that may be left out, the first to go first.
    """
    lines, names, waiting = [list(row) for row in rows], list(header), list(dropped_first)
    while True:
        table = format_table(names, lines)
        if width is None or not waiting or max(map(measure, table.split("\n"))) <= width:
            return table
        place = names.index(waiting.pop(0))
        names.pop(place)
        for line in lines:
            line.pop(place)
