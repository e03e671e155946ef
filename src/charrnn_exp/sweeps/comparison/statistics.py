"""Means over seeds, and the two tests of a comparison.

Axes: n seed, g block.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

LEVEL = 0.05
"""A difference is called one where its p, corrected for the number of comparisons, is below this."""


@dataclass(frozen=True)
class Spread:
    """Values over seeds.

    Args:
        mean: of the values.
        deviation: standard deviation, with n - 1; None for one value.
        count: n.
    """

    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class Difference:
    """A difference of two means.

    Args:
        value: the first minus the second.
        error: its standard error.
        degrees: of freedom of its t.
        p: two-sided probability of a difference at least as large where there is none.
    """

    value: float
    error: float
    degrees: float
    p: float


def measure_spread(values: Sequence[float]) -> Spread | None:
    """Return mean and deviation of values; None of none.

    >>> measure_spread([1.0, 3.0])
    Spread(mean=2.0, deviation=1.4142135623730951, count=2)
    """
    if not values:
        return None
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), deviation, len(values))


def compare_blocks(first_g: Sequence[float], second_g: Sequence[float]) -> Difference | None:
    """Compare two models on one text by the losses of its blocks, paired: a t over the differences of the blocks.

    Blocks that are hard for one model are hard for the other, so the differences vary less than the losses do.

    Args:
        first_g: mean loss of each block.
        second_g: of the same blocks.

    Returns:
        None where there are fewer than two blocks, or not equally many.
    """
    if len(first_g) != len(second_g) or len(first_g) < 2:
        return None
    difference_g = np.subtract(first_g, second_g)
    error = float(np.std(difference_g, ddof=1)) / math.sqrt(len(difference_g))
    return _test(float(np.mean(difference_g)), error, len(difference_g) - 1)


def compare_seeds(first_n: Sequence[float], second_n: Sequence[float]) -> Difference | None:
    """Compare two settings by the losses of their seeds: Welch's t, which lets both vary by different amounts.

    Returns:
        None where one side has fewer than two seeds, or no seed makes a difference on either.

    Source: Welch 1947, The generalization of Student's problem, Biometrika 34.
    """
    if min(len(first_n), len(second_n)) < 2:
        return None
    parts = [float(np.var(values_n, ddof=1)) / len(values_n) for values_n in (first_n, second_n)]
    if not sum(parts) > 0.0:
        return None
    below = sum(part**2 / (len(values_n) - 1) for part, values_n in zip(parts, (first_n, second_n), strict=True))
    value = float(np.mean(first_n) - np.mean(second_n))
    return _test(value, math.sqrt(sum(parts)), sum(parts) ** 2 / below)


def correct_holm(ps: Sequence[float]) -> list[float]:
    """Return probabilities corrected for the number of comparisons.

    Where nothing differs, at most 5 % of families have one below 0.05.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.

    >>> correct_holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return corrected


def _test(value: float, error: float, degrees: float) -> Difference:
    """Return the difference with the p of its t; two equal columns of numbers do not differ."""
    if not error > 0.0:
        return Difference(value, 0.0, degrees, 1.0 if value == 0.0 else 0.0)
    return Difference(value, error, degrees, float(2.0 * stdtr(degrees, -abs(value) / error)))
