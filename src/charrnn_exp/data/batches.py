"""The order of training: which characters make which batch, as a function of seed, epoch and step.

Axes: b stream (or window) in the batch, t time, s step in the epoch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.errors import UserError


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """The order of one training text.

    Without `shuffle` the text is cut into `batch_size` streams of equal length, and step s takes the s-th window of
    each, so that a carried state continues its own text. With `shuffle` the text is cut into windows that follow one
    another, and each epoch deals them anew. What does not fill a window or a batch is left out: the end of each stream,
    or, of shuffled windows, the last ones dealt.

    Args:
        num_characters: length of the text.
        batch_size: b.
        sequence_length: t; a window has one character more, the last target.
        shuffle: whether windows are dealt at random.
        seed: of the deal.
    """

    num_characters: int
    batch_size: int
    sequence_length: int
    shuffle: bool
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass."""
        return self._windows_per_stream if not self.shuffle else self._num_windows // self.batch_size

    def find_starts(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return where each window of the epoch starts: the array starts_sb of positions in the text."""
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(self._num_windows)
            used = order[: self.steps_per_epoch * self.batch_size]
            return (used * self.sequence_length).reshape(self.steps_per_epoch, self.batch_size)
        steps_s1 = np.arange(self.steps_per_epoch, dtype=np.int64)[:, None] * self.sequence_length
        return steps_s1 + np.arange(self.batch_size, dtype=np.int64) * self._stream_length

    @property
    def _num_windows(self) -> int:
        return (self.num_characters - 1) // self.sequence_length

    @property
    def _stream_length(self) -> int:
        return (self.num_characters - 1) // self.batch_size

    @property
    def _windows_per_stream(self) -> int:
        return self._stream_length // self.sequence_length


def plan_batches(num_characters: int, training: TrainingConfig, *, seed: int) -> BatchOrder:
    """Return the order of a training text of so many characters.

    Raises:
        UserError: if the text does not fill a single batch.
    """
    order = BatchOrder(
        num_characters=num_characters,
        batch_size=training.batch_size,
        sequence_length=training.sequence_length,
        shuffle=training.shuffle,
        seed=seed,
    )
    if order.steps_per_epoch < 1:
        needed = training.batch_size * training.sequence_length + 1
        raise UserError(
            f"dataset must have a training text of at least {needed:,} characters (training.batch_size="
            f"{training.batch_size} x training.sequence_length={training.sequence_length} + 1), got "
            f"{num_characters:,}. Lower training.batch_size or training.sequence_length."
        )
    return order


def count_steps(training: TrainingConfig, order: BatchOrder) -> int:
    """Return the number of updates of the whole run."""
    num_steps = training.epochs * order.steps_per_epoch
    return num_steps if training.max_steps is None else min(num_steps, training.max_steps)
