"""How new sampled lines are: how many of them are distinct, and how many stand in the training text.

Axes: n character.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Novelty:
    """Counts over sampled lines.

    Args:
        num_lines: all of them.
        num_distinct: different ones.
        num_known: those that stand in the training text as whole lines, repeated ones counted each time.
    """

    num_lines: int
    num_distinct: int
    num_known: int

    def __str__(self) -> str:
        """Return one line for people."""
        return (
            f"{self.num_lines:,} sampled lines: {self.num_distinct:,} distinct, {self.num_known:,} stand in the "
            f"training text, {self.num_lines - self.num_known:,} are new"
        )

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {"lines": self.num_lines, "distinct": self.num_distinct, "known": self.num_known}

    def to_metrics(self) -> dict[str, float]:
        """Return the shares of the lines that are distinct, and that are new, by metric name."""
        return {
            "sample_distinct": self.num_distinct / self.num_lines,
            "sample_novel": 1.0 - self.num_known / self.num_lines,
        }


def count_novelty(lines: Sequence[bytes], training: Iterable[bytes]) -> Novelty:
    """Return the counts of sampled lines against those of a training text, which is gone through once."""
    counts = Counter(lines)
    known = {line for line in training if line in counts}
    return Novelty(len(lines), len(counts), sum(counts[line] for line in known))
