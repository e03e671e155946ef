"""Versions of settings and of numerics: what a run of an older version of this program meant.

A run records both numbers in `versions.json`; a run without that file is of version 1 of both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SETTINGS = 2
"""Raised when a setting is added, renamed or changes its meaning; each such change is an entry of `CHANGES`."""
NUMERICS = 1
"""Raised when the arithmetic changes: sampler, validation, rounding, averages, order of sums."""


@dataclass(frozen=True)
class Added:
    """A setting that older runs lack.

    Args:
        version: of the settings that first had it.
        key: dotted.
        meant: its value for a run from before it, or a function that finds it from the older settings by group.
    """

    version: int
    key: str
    meant: Any | Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Renamed:
    """A setting that older runs know by another name.

    Args:
        version: of the settings that first had the new name.
        old: dotted key.
        new: dotted key.
    """

    version: int
    old: str
    new: str


CHANGES: tuple[Added | Renamed, ...] = (
    Added(2, "model.extra", {}),
    Added(2, "sampling.extra", {}),
)
