"""What a line of `make stress` found: how many were tried, how many were right, and what was wrong with the others."""

import threading
from dataclasses import dataclass, field
from typing import Any

MAX_FAILURES = 20
_COUNTING = threading.Lock()


@dataclass
class Outcome:
    """Counts of one line.

    Args:
        tried: cases.
        right: cases in which all was as it must be.
        failures: the first wrong ones, in words.
        figures: other numbers that the line must show, by name.
    """

    tried: int = 0
    right: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, problems: list[str], case: str) -> None:
        """Count a case that is right if there are no problems."""
        self.tried += 1
        self.right += not problems
        if problems and len(self.failures) < MAX_FAILURES:
            self.failures.append(f"{case}: {'; '.join(problems)}"[:600])

    def count(self, name: str, by: int = 1) -> None:
        """Add to a figure; threads may do so side by side."""
        with _COUNTING:
            self.figures[name] = self.figures.get(name, 0) + by

    @property
    def is_right(self) -> bool:
        """Whether every case was tried and right."""
        return self.tried > 0 and self.right == self.tried
