"""Ranges of numbers: each check yields a line if the value is outside."""

import math
from collections.abc import Iterator

LARGEST_FLOAT32 = 3.4e38
LARGEST_INT64 = 2**63 - 1


def at_least(key: str, value: int, least: int) -> Iterator[str]:
    """Check a lower bound."""
    if not value >= least:
        yield f"{key} must be at least {least}, got {value}."
    elif value > LARGEST_INT64:
        yield f"{key} must be at most {LARGEST_INT64}, the largest 64-bit number, got {str(value)[:30]}."


def between(key: str, value: int, least: int, most: int) -> Iterator[str]:
    """Check a lower and an upper bound."""
    if not least <= value <= most:
        yield f"{key} must be in [{least}, {most}], got {value}."


def share(key: str, value: float) -> Iterator[str]:
    """Check a share of something, in [0, 1)."""
    if not 0.0 <= value < 1.0:
        yield f"{key} must be in [0, 1), got {value}."


def positive(key: str, value: float) -> Iterator[str]:
    """Check a number above 0 that 32 bits hold."""
    if not 0.0 < value < math.inf:
        yield f"{key} must be above 0 and finite, got {value}."
    else:
        yield from float32(key, value)


def float32(key: str, value: float) -> Iterator[str]:
    """Check that 32 bits hold the number."""
    if not value <= LARGEST_FLOAT32:
        yield f"{key} must be at most {LARGEST_FLOAT32}, the largest 32-bit number, got {value}."
