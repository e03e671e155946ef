"""Blocks of a text, and the standard errors that they give to means over its characters.

Axes: n character (scored), g block.
"""

import math

import numpy as np
import numpy.typing as npt

NUM_BLOCKS = 30
LEAST_BLOCKS = 10
"""With fewer block means no standard error is given. Both numbers: Schmeiser 1982, see `BlockMeans`."""
BLOCK_CHARACTERS = 100
"""Least length of a block."""


def count_blocks(num_characters: int) -> int:
    """Return the number of blocks of so many characters, 0 to `NUM_BLOCKS`."""
    return min(NUM_BLOCKS, num_characters // BLOCK_CHARACTERS)


class BlockMeans:
    """The standard error of the mean of correlated losses, by the method of batch means.

    Losses of neighbouring characters are correlated, so the usual standard deviation / sqrt(n) is too small. The text
    is cut into `NUM_BLOCKS` contiguous blocks of equal length (to one character). Their means are nearly independent;
    the standard error is the standard deviation of the block means / sqrt(number of blocks).

    Source: Schmeiser 1982, Batch Size Effects in the Analysis of Simulation Output, Operations Research 30(3): 10 to 30
    blocks, whatever the length of the series.

    Args:
        num_characters: n.
    """

    def __init__(self, num_characters: int) -> None:
        self._num_characters = num_characters
        self._num_blocks = count_blocks(num_characters)
        self._sums_g = np.zeros(max(1, self._num_blocks))

    def add(self, positions_n: npt.NDArray[np.int64], losses_n: npt.NDArray[np.floating]) -> None:
        """Add the losses at these positions; each position is added once, in any order."""
        blocks_n = positions_n * len(self._sums_g) // self._num_characters
        self._sums_g += np.bincount(blocks_n, weights=losses_n, minlength=len(self._sums_g))

    def find_means(self) -> npt.NDArray[np.float64] | None:
        """Return the mean of each block, in order; None where there are fewer than `LEAST_BLOCKS` blocks."""
        if self._num_blocks < LEAST_BLOCKS:
            return None
        edges = -(-np.arange(self._num_blocks + 1) * self._num_characters // self._num_blocks)
        means_g: npt.NDArray[np.float64] = self._sums_g / np.diff(edges)
        return means_g

    def find_standard_error(self) -> float | None:
        """Return the standard error of the mean of all; None where there are fewer than `LEAST_BLOCKS` blocks."""
        means_g = self.find_means()
        return None if means_g is None else float(np.std(means_g, ddof=1) / math.sqrt(len(means_g)))


def find_ratio_error(sums_g: npt.NDArray[np.float64], counts_g: npt.NDArray[np.float64]) -> float | None:
    """Return the standard error of sum / count, where both vary over blocks; None for too few blocks that count.

    With R the ratio of the totals, it is the root of G / (G - 1) * sum over the G blocks of (sum_g - R count_g)^2,
    divided by the total count. Where all blocks count the same, that is the error of `BlockMeans`.

    Source: Cochran 1977, Sampling Techniques, section 6.3 (equation 6.13).

    Args:
        sums_g: of a measure over the characters of a group that lie in each block.
        counts_g: the number of these.
    """
    if np.count_nonzero(counts_g) < LEAST_BLOCKS:
        return None
    num_blocks, total = len(counts_g), float(counts_g.sum())
    rests_g = sums_g - sums_g.sum() / total * counts_g
    return math.sqrt(num_blocks / (num_blocks - 1) * float(np.sum(rests_g**2))) / total
