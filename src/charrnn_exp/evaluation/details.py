"""Scores by group of characters, and calibration: whether what is said with probability p comes true so often.

A group's mean is a ratio, sum of the measure / number of characters, and both vary from block to block of the text
(those of `BlockMeans`). Its standard error is that of a ratio estimator, see `find_ratio_error`.

Axes: n character, p scored character, g block, u distinct value.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.blocks import LEAST_BLOCKS, count_blocks, find_ratio_error

NUM_BINS = 15
"""Bins of the largest probability, of equal width. Source: Guo et al. 2017, section 4."""


@dataclass(frozen=True)
class Grouping:
    """A partition of the scored characters.

    Args:
        labels: of its groups, in order.
        group_p: number of the group of each scored character, in text order.
    """

    labels: tuple[str, ...]
    group_p: npt.NDArray[np.uint8]


Groups = Mapping[str, Grouping]
"""Partitions by name."""


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error; None where fewer than `LEAST_BLOCKS` blocks have any of its characters."""

    value: float
    standard_error: float | None


@dataclass(frozen=True, kw_only=True)
class GroupScores:
    """Scores of the characters of a group.

    Args:
        group: its label.
        num_characters: of it, at least 1.
        loss: nats per character.
        accuracy: share that had the largest probability.
        top5_accuracy: share that was among the five largest.
    """

    group: str
    num_characters: int
    loss: Estimate
    accuracy: Estimate
    top5_accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The characters whose prediction had a largest probability in (low, high].

    Args:
        low: probability.
        high: probability.
        num_characters: of it, at least 1.
        confidence: mean largest probability.
        accuracy: share that had it.
    """

    low: float
    high: float
    num_characters: int
    confidence: Estimate
    accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class Details:
    """Scores by group, and calibration.

    Args:
        by_group: rows of each partition, those of empty groups left out; "all" has one of all characters.
        reliability: the bins that are not empty.
        calibration_error: the expected calibration error, in [0, 1]: the mean over the characters of
            |accuracy - confidence| of their bin. Source: Guo et al. 2017, On Calibration of Modern Neural Networks,
            equation 3. Its standard error is by the jackknife over blocks.
    """

    by_group: dict[str, tuple[GroupScores, ...]]
    reliability: tuple[Bin, ...]
    calibration_error: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


class Tally:
    """Sums by group and block of the text.

    Args:
        groups: partitions of the scored characters.
        num_scored: number of these, p.
    """

    def __init__(self, groups: Groups, num_scored: int) -> None:
        everything = Grouping(("all",), np.zeros(num_scored, np.uint8))
        self._groups = {"all": everything, **groups}
        self._num_scored = num_scored
        self._num_blocks = max(1, count_blocks(num_scored))
        self._sums = {name: _Table(self._num_blocks, len(each.labels)) for name, each in self._groups.items()}
        self._bins = _Table(self._num_blocks, NUM_BINS)

    def add(
        self,
        ranks_n: npt.NDArray[np.int64],
        measures: Mapping[str, npt.NDArray[np.float64]],
        confidences_n: npt.NDArray[np.float64],
        sign: int,
    ) -> None:
        """Add characters; a sign of -1 takes them away again.

        Args:
            ranks_n: of the characters among the scored ones.
            measures: "loss", "accuracy" and "top5_accuracy" of each, times the sign.
            confidences_n: the largest probability of each.
            sign: 1 or -1.
        """
        blocks_n = ranks_n * self._num_blocks // self._num_scored
        for name, grouping in self._groups.items():
            self._sums[name].add(blocks_n, grouping.group_p[ranks_n], measures, sign)
        bins_n = np.clip(np.ceil(confidences_n * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
        told = {"confidence": sign * confidences_n, "accuracy": measures["accuracy"]}
        self._bins.add(blocks_n, bins_n, told, sign)

    def find_details(self) -> Details:
        """Return the means of all groups that have characters."""
        return Details(
            by_group={name: tuple(self._list_rows(name)) for name in self._groups},
            reliability=tuple(
                Bin(low=k / NUM_BINS, high=(k + 1) / NUM_BINS, num_characters=number, **means)
                for k, number, means in self._bins.list_means()
            ),
            calibration_error=_find_calibration_error(self._bins),
        )

    def _list_rows(self, name: str) -> list[GroupScores]:
        labels = self._groups[name].labels
        rows = self._sums[name].list_means()
        return [GroupScores(group=labels[k], num_characters=number, **means) for k, number, means in rows]


class _Table:
    """Sums of measures, and numbers of characters, by block and group."""

    def __init__(self, num_blocks: int, num_groups: int) -> None:
        self._shape = (num_blocks, num_groups)
        self.counts_gu = np.zeros(self._shape)
        self.sums: dict[str, npt.NDArray[np.float64]] = {}

    def add(
        self,
        blocks_n: npt.NDArray[np.int64],
        groups_n: npt.NDArray[np.integer],
        measures: Mapping[str, npt.NDArray[np.float64]],
        sign: int,
    ) -> None:
        at_n = blocks_n * self._shape[1] + groups_n
        self.counts_gu += sign * self._add_up(at_n)
        for name, values_n in measures.items():
            self.sums[name] = self.sums.get(name, np.zeros(self._shape)) + self._add_up(at_n, values_n)

    def _add_up(self, at_n: npt.NDArray[np.int64], weights_n: Any = None) -> npt.NDArray[np.float64]:
        found = np.bincount(at_n, weights_n, minlength=self._shape[0] * self._shape[1])
        return found.reshape(self._shape).astype(np.float64)

    def list_means(self) -> Iterator[tuple[int, int, dict[str, Estimate]]]:
        """Yield number, characters and means of each group that has some."""
        for k, counts_g in enumerate(self.counts_gu.T):
            if number := round(float(counts_g.sum())):
                pairs = ((name, sums_gu[:, k]) for name, sums_gu in self.sums.items())
                yield (
                    k,
                    number,
                    {
                        name: Estimate(float(sums_g.sum()) / number, find_ratio_error(sums_g, counts_g))
                        for name, sums_g in pairs
                    },
                )


def _find_calibration_error(bins: _Table) -> Estimate:
    gaps_gu, counts_g = bins.sums["accuracy"] - bins.sums["confidence"], bins.counts_gu.sum(axis=1)
    value = float(np.abs(gaps_gu.sum(axis=0)).sum() / counts_g.sum())
    num_blocks = len(counts_g)
    if num_blocks < LEAST_BLOCKS:
        return Estimate(value, None)
    without_g = np.abs(gaps_gu.sum(axis=0) - gaps_gu).sum(axis=1) / (counts_g.sum() - counts_g)
    variance = (num_blocks - 1) / num_blocks * np.sum((without_g - without_g.mean()) ** 2)
    return Estimate(value, math.sqrt(variance))
