"""Settings of a run as a tree on the terminal, one branch for each group; settings that are off are left out."""

import textwrap
from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.reading import flatten
from charrnn_exp.streams import escape_line

WIDTH = 110
"""Widest line, on a wide terminal and in a pipe."""
NARROW = 60
"""A terminal of fewer columns has the settings of a group below its name."""
OFF: tuple[Any, ...] = (None, False, {}, [])


def format_settings(values: Mapping[str, Any], width: int | None = None) -> str:
    """Return the settings as a tree; values that are null, false or empty are left out.

    Args:
        values: nested values, see `to_values`.
        width: columns of the terminal; None: no limit but `WIDTH`.

    >>> print(format_settings({"seed": 7, "model": {"cell": "lstm", "hidden_size": 5, "residual": False}}))
    settings
    |- seed=7
    `- model     cell=lstm hidden_size=5
    """
    single = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    groups = {"": single} | {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = ["settings"]
    for i, (group, settings) in enumerate(groups.items(), start=1):
        branch, below = ("`- ", "   ") if i == len(groups) else ("|- ", "|  ")
        head = f"{group:<10}" if group else ""
        if head and width is not None and width < NARROW:
            lines.append(branch + group)
            branch, head = below, ""
        lines += textwrap.wrap(
            " ".join(f"{key}={_show(value)}" for key, value in flatten(settings).items() if not _is_off(value)),
            width=WIDTH if width is None else min(WIDTH, width),
            initial_indent=branch + head,
            subsequent_indent=below + " " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _is_off(value: Any) -> bool:
    return any(type(value) is type(off) and value == off for off in OFF)


def _show(value: Any) -> str:
    """Return the value as typed on the command line."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{','.join(map(_show, value))}]"
        case str() if value.split() != [value] or escape_line(value) != value:
            return f"'{escape_line(value)}'"
        case _:
            return str(value)
