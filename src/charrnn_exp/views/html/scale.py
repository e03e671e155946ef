"""Scales: where a value lies in a picture, and which values are marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A map from values to a length.

    Args:
        low: value at `start`.
        high: value at `stop`.
        start: place of the lowest value.
        stop: place of the highest value.
        is_log: whether equal factors take equal lengths.
    """

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return the place of a value, rounded to a tenth."""
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        share = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.stop - self.start), 1)

    def list_ticks(self, most: int) -> list[float]:
        """Return at most this many round values in the range."""
        if not self.high > self.low:
            return [self.low]
        if self.is_log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            powers = [10.0**power for power in range(first, last + 1)]
            if 2 <= len(powers) <= most:
                return powers
            steps = [self.low * (self.high / self.low) ** (i / 3) for i in range(4)]
            return [float(f"{step:.2g}") for step in steps if self.low <= float(f"{step:.2g}") <= self.high]
        rough = (self.high - self.low) / max(1, most - 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, first + most + 1) if i * step <= self.high + 1e-9 * step]


def fit_scale(
    values: Sequence[float], start: float, stop: float, *, margin: float = 0.0, is_log: bool = False
) -> Scale:
    """Return the scale of finite values; of none, of 0 to 1, or of 0.1 to 1 where equal factors take equal lengths.

    Args:
        values: to be placed; above 0 for a logarithmic scale.
        start: place of the lowest value.
        stop: place of the highest.
        margin: share of the range that stays free on both sides of a scale that is not logarithmic.
        is_log: see `Scale`.
    """
    low, high = min(values, default=0.1 if is_log else 0.0), max(values, default=1.0)
    wanted = 0.0 if is_log else margin * (high - low)
    space = wanted or (abs(low) * 0.02 or 0.5 if high == low else 0.0)
    return Scale(low - space, high + space, start, stop, is_log=is_log)


def show_tick(value: float) -> str:
    """Return a short text for a value.

    >>> [show_tick(value) for value in (0, 0.001, 1.25, 1500, 2_500_000)]
    ['0', '0.001', '1.25', '1,500', '2.5M']
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:.4g}M" if abs(value) < 1e9 else f"{value / 1e9:.4g}G"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
