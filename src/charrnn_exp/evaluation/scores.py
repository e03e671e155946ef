"""Scores of a model on a text, in the units of published results."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from charrnn_exp.evaluation.details import Details


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
        top5_accuracy: share of the characters that fewer than five symbols had a larger probability than, in [0, 1];
            None: not counted.
        num_words: runs of characters between white space in the whole text; None: not counted.
        details: scores by group of characters, and calibration; None: not asked for.
    """

    loss: float
    accuracy: float
    standard_error: float | None
    num_characters: int
    block_losses: tuple[float, ...] | None = field(default=None, compare=False, repr=False)
    top5_accuracy: float | None = None
    num_words: int | None = None
    details: Details | None = field(default=None, repr=False)

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
        return _exponentiate(self.loss)

    @property
    def word_perplexity(self) -> float | None:
        """e to the nats of the whole text / number of words; None where the words were not counted or there is none.

        The words are those of `str.split`, and the end of a line is none. Numbers from models of words count one for
        each line, or other tokens: the nats of the text divided by their number compares.
        """
        return None if not self.num_words else _exponentiate(self.loss * self.num_characters / self.num_words)

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

    def list_all(self) -> dict[str, float | int | None]:
        """Return the numbers of `as_dict`, and those that `evaluate` tells besides."""
        return {
            **self.as_dict(),
            "top5_accuracy": self.top5_accuracy,
            "word_perplexity": self.word_perplexity,
            "num_words": self.num_words,
        }


def _exponentiate(nats: float) -> float:
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


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


def to_bits(nats: float) -> float:
    """Return bits for nats.

    >>> to_bits(math.log(2.0))
    1.0
    """
    return nats / math.log(2.0)
