"""Rows in columns, for scripts of any width."""

from collections.abc import Collection, Iterable, Sequence

from rich.cells import cell_len


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


def measure(text: str) -> int:
    """Return the columns that a line takes on a terminal: a Chinese character takes two.

    >>> measure("a\\u4f60")
    3
    """
    return cell_len(text)


def wrap(line: str, width: int, *, indent: str = "  ") -> list[str]:
    """Return the line in pieces of a width, cut between words; a word that is longer stays whole.

    Args:
        line: one line.
        width: columns of the terminal.
        indent: before each piece but the first.

    >>> wrap("one two three", 8)
    ['one two', '  three']
    """
    if measure(line) <= width:
        return [line]
    pieces: list[str] = []
    first, *others = line.split(" ")
    current = first
    for word in others:
        if current.strip() and measure(f"{current} {word}") > width:
            pieces.append(current.rstrip())
            current = indent + word if word else indent.rstrip()
        else:
            current = f"{current} {word}"
    return [*pieces, current.rstrip()]


def fit_columns(
    header: Sequence[str], rows: Iterable[Sequence[str]], width: int | None, *, dropped_first: Sequence[str]
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
