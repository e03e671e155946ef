"""Means over seeds, and the two tests of a comparison.

Axes: g block.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.05
"""A difference is called one where its p, corrected for the number of comparisons, is below this."""
MAX_TERMS = 10_000
"""Most terms of the continued fraction; a hundred are enough for a thousand degrees of freedom."""
TINY = 1e-300
"""Stands for a zero that would be divided by."""


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


def compare_seeds(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Compare two settings by the losses of their seeds: Welch's t, which lets both vary by different amounts.

    Returns:
        None where one side has fewer than two seeds, or no seed makes a difference on either.

    Source: Welch 1947, The generalization of Student's problem, Biometrika 34.
    """
    if min(len(first), len(second)) < 2:
        return None
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    if not sum(parts) > 0.0:
        return None
    below = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True))
    value = float(np.mean(first) - np.mean(second))
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
    return Difference(value, error, degrees, find_p(value / error, degrees))


def find_p(t: float, degrees: float) -> float:
    """Return the two-sided p of Student's t: the regularized incomplete beta function at degrees / (degrees + t^2).

    It is written here because importing it from SciPy takes 0.35 s.

    Source: Abramowitz and Stegun 1964, 26.7.1; the continued fraction 26.5.8, by Lentz's method.

    >>> round(find_p(2.045229642132703, 29), 12)
    0.05
    """
    x = degrees / (degrees + t * t)
    a, b = degrees / 2.0, 0.5
    if x in (0.0, 1.0):
        return x
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _sum_fraction(a, b, x) / a
    return 1.0 - front * _sum_fraction(b, a, 1.0 - x) / b


def _sum_fraction(a: float, b: float, x: float) -> float:
    """Return 1 / (1 + d_1 / (1 + d_2 / (1 + ...))), the continued fraction of the incomplete beta function."""
    numerator, denominator, fraction = 1.0, 0.0, 1.0
    for j in range(1, MAX_TERMS):
        m = j // 2
        if j % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        denominator = 1.0 / (1.0 + term * denominator or TINY)
        numerator = 1.0 + term / numerator or TINY
        fraction *= numerator * denominator
        if abs(numerator * denominator - 1.0) < 1e-15:
            break
    return 1.0 / fraction
