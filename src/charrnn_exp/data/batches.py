"""The order of training: the windows of each batch, as a function of seed, epoch and step.

Axes: q batch of an epoch, s update, a batch of an update, b stream (or window), t time, n character.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.data.windows import stream_windows
from charrnn_exp.errors import UserError

JITTER, DROPS = 1, 2
"""Last words of the seeds of an epoch's other draws; 0 would give the seed without it (NumPy drops trailing zeros)."""


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """The order of one training text.

    Without `shuffle` the text is cut into `batch_size` streams of equal length, and batch n holds the n-th window of
    each stream, so that a carried state meets the text that follows it. With `shuffle` the text is cut into adjacent
    windows, whose order is drawn for each epoch. Windows that do not fill an update are left out: those at the end of
    each stream, or the last of the shuffled ones.

    Args:
        num_characters: length of the text.
        batch_size: b.
        sequence_length: t; a window has one character more, the last target.
        shuffle: whether windows come in random order.
        seed: of the order and of all other draws.
        jitter: whether each epoch skips 0 to t - 1 characters, drawn at random, at the start of each stream (or of the
            text); all epochs have as many updates as the shortest.
        batches_per_update: batches whose mean gradient makes one update.
        stateful: whether a stream starts from its state after the previous batch.
        drop_probability: share of these states that are reset at random.
    """

    num_characters: int
    batch_size: int
    sequence_length: int
    shuffle: bool
    seed: int
    jitter: bool = False
    batches_per_update: int = 1
    stateful: bool = True
    drop_probability: float = 0.0

    @property
    def steps_per_epoch(self) -> int:
        """Number of updates in one pass."""
        batches = self._num_windows // self.batch_size if self.shuffle else self._windows_per_stream
        return batches // self.batches_per_update

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches in one epoch, whole updates only."""
        return self.steps_per_epoch * self.batches_per_update

    @property
    def characters_per_step(self) -> int:
        """Number of targets in an update."""
        return self.batches_per_update * self.batch_size * self.sequence_length

    @property
    def characters_needed(self) -> int:
        """Length of the shortest text that fills an update."""
        windows, lost = self.batches_per_update * self.sequence_length, self._largest_offset
        return self.batch_size * windows + lost + 1 if self.shuffle else self.batch_size * (windows + lost) + 1

    def find_starts(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return starts_qb, the position in the text of the first character of each window of the epoch."""
        offset = self._find_offset(epoch)
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(self._num_windows)
            used = order[: self.batches_per_epoch * self.batch_size]
            return (offset + used * self.sequence_length).reshape(self.batches_per_epoch, self.batch_size)
        batches_n1 = np.arange(self.batches_per_epoch, dtype=np.int64)[:, None] * self.sequence_length
        return offset + batches_n1 + np.arange(self.batch_size, dtype=np.int64) * self._stream_length

    def find_resets(self, epoch: int) -> npt.NDArray[np.bool_]:
        """Return resets_qb, true where a stream is reset to the first state before a batch."""
        shape = (self.batches_per_epoch, self.batch_size)
        if not self.stateful:
            return np.ones(shape, np.bool_)
        resets_qb = np.zeros(shape, np.bool_)
        if self.drop_probability:
            draws_qb = np.random.default_rng([self.seed, epoch, DROPS]).random(shape)
            resets_qb = draws_qb < self.drop_probability
        resets_qb[:1] = True
        return resets_qb

    def stream_windows(self, ids_n: Ids, epoch: int, *, first_step: int = 0) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the windows_abt of each update of an epoch, from first_step on: int32 [a, b, t + 1].

        Args:
            ids_n: the training text.
            epoch: from 0.
            first_step: updates that are left out.
        """
        shape = (self.steps_per_epoch, self.batches_per_update, self.batch_size)
        starts_sab = self.find_starts(epoch).reshape(shape)[first_step:]
        return stream_windows(ids_n, starts_sab, sequence_length=self.sequence_length)

    def _find_offset(self, epoch: int) -> int:
        if not self.jitter:
            return 0
        return int(np.random.default_rng([self.seed, epoch, JITTER]).integers(self.sequence_length))

    @property
    def _largest_offset(self) -> int:
        return self.sequence_length - 1 if self.jitter else 0

    @property
    def _num_windows(self) -> int:
        return (self.num_characters - 1 - self._largest_offset) // self.sequence_length

    @property
    def _stream_length(self) -> int:
        return (self.num_characters - 1) // self.batch_size

    @property
    def _windows_per_stream(self) -> int:
        return (self._stream_length - self._largest_offset) // self.sequence_length


def plan_batches(num_characters: int, training: TrainingConfig, *, seed: int) -> BatchOrder:
    """Return the order of a training text.

    Raises:
        UserError: if the text does not fill a single update.
    """
    order = BatchOrder(
        num_characters=num_characters,
        batch_size=training.batch_size,
        sequence_length=training.sequence_length,
        shuffle=training.shuffle,
        seed=seed,
        jitter=training.stream_jitter,
        batches_per_update=training.gradient_accumulation_steps,
        stateful=training.stateful,
        drop_probability=training.drop_state_probability,
    )
    if order.steps_per_epoch < 1:
        factors = f"training.batch_size={training.batch_size} x training.sequence_length={training.sequence_length}"
        if training.gradient_accumulation_steps > 1:
            factors += f" x training.gradient_accumulation_steps={training.gradient_accumulation_steps}"
        factors += " + 1" + (" + what training.stream_jitter skips" if training.stream_jitter else "")
        lower = "training.batch_size or training.sequence_length"
        if training.gradient_accumulation_steps > 1:
            lower = f"training.gradient_accumulation_steps, {lower}"
        raise UserError(
            f"dataset must have a training text of at least {order.characters_needed:,} characters ({factors}), got "
            f"{num_characters:,}. Lower {lower}."
        )
    return order
