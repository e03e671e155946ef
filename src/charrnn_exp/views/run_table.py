"""Rows of runs that print as a table."""

from typing import Any

from charrnn_exp.views.table import format_table


class RunTable(list[dict[str, Any]]):
    """Rows of runs, each a dict with the same keys; `pandas.DataFrame(table)` makes a frame of it."""

    def __repr__(self) -> str:
        """Return the rows as lines of columns."""
        rows = (map(_show_cell, row.values()) for row in self)
        return format_table(list(self[0]), map(list, rows), left=self[0]) if self else "no runs"


def _show_cell(value: Any) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
