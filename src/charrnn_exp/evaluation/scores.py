"""What a model reaches on a text, in the units that people publish.

Axes: n scored character, k block.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NUM_BLOCKS = 30
LEAST_BLOCKS = 10
"""Fewer block means say too little of how they scatter. Both numbers: Schmeiser 1982, see `BlockMeans`."""
BLOCK_CHARACTERS = 100
"""A block is at least this long."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one text.

    Args:
        loss: mean negative log-probability, nats per character.
        accuracy: share of the characters that were the likeliest by the model, in [0, 1].
        standard_error: of the loss, nats per character, see `BlockMeans`; None for texts too short to tell.
        num_characters: that were scored: all of the text but its first, which nothing predicts.
    """

    loss: float
    accuracy: float
    standard_error: float | None
    num_characters: int

    @property
    def bits_per_char(self) -> float:
        """The loss in bits per character."""
        return to_bits(self.loss)

    @property
    def perplexity(self) -> float:
        """How many equally likely characters would be as hard to predict; infinity where no float holds it.

        >>> round(Scores(loss=math.log(65), accuracy=0.0, standard_error=None, num_characters=9).perplexity, 9)
        65.0
        """
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf

    def as_dict(self) -> dict[str, float | int | None]:
        """Return all six numbers by name."""
        return {
            "loss": self.loss,
            "bits_per_char": self.bits_per_char,
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "num_characters": self.num_characters,
        }


def to_metrics(split: str, scores: Scores) -> dict[str, float]:
    """Return the scores of a split by the names of metrics; a standard error that is not known is left out."""
    error = {} if scores.standard_error is None else {f"{split}_standard_error": scores.standard_error}
    return {
        f"{split}_loss": scores.loss,
        f"{split}_bits_per_char": scores.bits_per_char,
        f"{split}_perplexity": scores.perplexity,
        f"{split}_accuracy": scores.accuracy,
        **error,
    }


def from_metrics(split: str, metrics: Mapping[str, float], *, num_characters: int) -> Scores | None:
    """Return the scores that `to_metrics` named; None where they are not all there.

    Args:
        split: of the text.
        metrics: of one step.
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
    """The standard error of a mean whose terms hang together, by the method of batch means.

    The losses of neighbouring characters are correlated (a hard word, a name, a speech), so that the usual standard
    deviation / sqrt(n) would be too small. The text is cut into `NUM_BLOCKS` contiguous blocks, equal to one character,
    whose means are nearly independent: their standard deviation / sqrt(their number) is the error of the whole mean.

    Source: Schmeiser 1982, Batch Size Effects in the Analysis of Simulation Output, Operations Research 30(3): 10 to 30
    blocks, however long the series is.

    Args:
        num_characters: n.
    """

    def __init__(self, num_characters: int) -> None:
        self._num_characters = num_characters
        self._num_blocks = min(NUM_BLOCKS, num_characters // BLOCK_CHARACTERS)
        self._sums_k = np.zeros(max(1, self._num_blocks))

    def add(self, positions_n: npt.NDArray[np.int64], losses_n: npt.NDArray[np.floating]) -> None:
        """Add the losses of the characters at these positions, each once; in any order."""
        blocks_n = positions_n * len(self._sums_k) // self._num_characters
        self._sums_k += np.bincount(blocks_n, weights=losses_n, minlength=len(self._sums_k))

    def find_standard_error(self) -> float | None:
        """Return the standard error of the mean of all; None where there are fewer than `LEAST_BLOCKS` blocks."""
        if self._num_blocks < LEAST_BLOCKS:
            return None
        edges = -(-np.arange(self._num_blocks + 1) * self._num_characters // self._num_blocks)
        means_k = self._sums_k / np.diff(edges)
        return float(np.std(means_k, ddof=1) / math.sqrt(self._num_blocks))


def to_bits(nats: float) -> float:
    """Return bits for nats.

    >>> to_bits(math.log(2.0))
    1.0
    """
    return nats / math.log(2.0)
