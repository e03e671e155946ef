"""Scores of a model on a text, in the units of published results.

Axes: n character (scored), g block.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

NUM_BLOCKS = 30
LEAST_BLOCKS = 10
"""With fewer block means no standard error is given. Both numbers: Schmeiser 1982, see `BlockMeans`."""
BLOCK_CHARACTERS = 100
"""Least length of a block."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one text.

    Args:
        loss: mean negative log-probability, nats per character.
        accuracy: share of the characters that had the largest probability, in [0, 1].
        standard_error: of the loss, nats per character, see `BlockMeans`; None for texts that are too short.
        num_characters: scored characters: all of the text but its first.
        block_losses: mean loss of each block that the standard error comes from, in text order; None where it is None,
            and for scores that were read from metrics, which lack them.
    """

    loss: float
    accuracy: float
    standard_error: float | None
    num_characters: int
    block_losses: tuple[float, ...] | None = field(default=None, compare=False, repr=False)

    @property
    def bits_per_char(self) -> float:
        """The loss in bits per character."""
        return to_bits(self.loss)

    @property
    def perplexity(self) -> float:
        """e to the loss; infinity where no float holds it.

        >>> round(Scores(loss=math.log(65), accuracy=0.0, standard_error=None, num_characters=9).perplexity, 9)
        65.0
        """
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf

    def as_dict(self) -> dict[str, float | int | None]:
        """Return all six numbers of the whole text by name."""
        return {
            "loss": self.loss,
            "bits_per_char": self.bits_per_char,
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "num_characters": self.num_characters,
        }


def to_metrics(split: str, scores: Scores) -> dict[str, float]:
    """Return the scores of a split by metric name; an unknown standard error is left out."""
    error = {} if scores.standard_error is None else {f"{split}_standard_error": scores.standard_error}
    return {
        f"{split}_loss": scores.loss,
        f"{split}_bits_per_char": scores.bits_per_char,
        f"{split}_perplexity": scores.perplexity,
        f"{split}_accuracy": scores.accuracy,
        **error,
    }


def from_metrics(split: str, metrics: Mapping[str, float], *, num_characters: int) -> Scores | None:
    """Return the scores of a split from its metrics; None where one is missing.

    Args:
        split: train, val or test.
        metrics: values of one step by name, see `to_metrics`.
        num_characters: see `Scores`.
    """
    loss, accuracy = metrics.get(f"{split}_loss"), metrics.get(f"{split}_accuracy")
    if loss is None or accuracy is None:
        return None
    return Scores(
        loss=loss,
        accuracy=accuracy,
        standard_error=metrics.get(f"{split}_standard_error"),
        num_characters=num_characters,
    )


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
        self._num_blocks = min(NUM_BLOCKS, num_characters // BLOCK_CHARACTERS)
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


def to_bits(nats: float) -> float:
    """Return bits for nats.

    >>> to_bits(math.log(2.0))
    1.0
    """
    return nats / math.log(2.0)
