"""The order of training on lines: whole lines dealt to streams, as a function of seed and epoch.

Axes: q batch of an epoch, b stream, t time, n character, l line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.lines import find_breaks
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import UserError

NO_CHARACTER = -1
"""After the end of a stream: neither read nor predicted."""


@dataclass(frozen=True, kw_only=True)
class LineOrder:
    """The order of a training text that is a list of lines.

    Each line is in one stream, whole, once an epoch. The lines of a stream follow one another; the model starts anew at
    each line break. Lines are dealt to the streams by their lengths, the longest first, one to each stream and back
    again, equal lengths in random order. So all streams are of nearly the same length, and the longest, which sets the
    number of updates, is as long in each epoch. Within a stream the order is random.

    Args:
        lengths_l: characters of each line, its line break included.
        batch_size: b.
        sequence_length: t; a window has one character more, the last target.
        seed: of the order.
        batches_per_update: batches whose gradient makes one update.
    """

    lengths_l: npt.NDArray[np.int64] = field(compare=False, repr=False)
    batch_size: int
    sequence_length: int
    seed: int
    batches_per_update: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Number of updates in one pass; the last may have few characters."""
        return -(-int(self._stream_lengths.max()) // (self.batches_per_update * self.sequence_length))

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches in one epoch."""
        return self.steps_per_epoch * self.batches_per_update

    @property
    def characters_per_step(self) -> int:
        """Mean number of targets in an update, rounded down."""
        return int(self.lengths_l.sum()) // self.steps_per_epoch

    def find_resets(self, epoch: int) -> npt.NDArray[np.bool_]:
        """Return resets_qb, true where a stream is reset to the first state before a batch: at the epoch's start."""
        resets_qb = np.zeros((self.batches_per_epoch, self.batch_size), np.bool_)
        resets_qb[0] = True
        return resets_qb

    def deal(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        """Return the numbers of the lines of each stream, in order."""
        generator = np.random.default_rng([self.seed, epoch])
        shuffled_l = generator.permutation(len(self.lengths_l))
        by_length_l = shuffled_l[np.argsort(-self.lengths_l[shuffled_l], kind="stable")]
        mixed_l = generator.permutation(len(by_length_l))
        streams_l = self._find_streams()[mixed_l]
        dealt_l = by_length_l[mixed_l[np.argsort(streams_l, kind="stable")]]
        return np.split(dealt_l, np.cumsum(np.bincount(streams_l, minlength=self.batch_size))[:-1])

    def stream_windows(self, ids_n: Ids, epoch: int, *, first_step: int = 0) -> Iterator[npt.NDArray[np.int32]]:
        """Yield the windows_abt of each update of an epoch, from first_step on: int32 [a, b, t + 1].

        Each stream begins with a line break. After its end there is `NO_CHARACTER`.

        Args:
            ids_n: the laid out training text.
            epoch: from 0.
            first_step: updates that are left out.
        """
        ends_l = find_breaks(ids_n, int(ids_n[0]))
        size = self.batches_per_update * self.sequence_length
        streams_bn = np.full((self.batch_size, self.steps_per_epoch * size + 1), ids_n[0])
        for stream_n, lines in zip(streams_bn, self.deal(epoch), strict=True):
            pieces = [ids_n[ends_l[line] + 1 : ends_l[line + 1] + 1] for line in lines]
            joined_n = np.concatenate([ids_n[:0], *pieces])
            stream_n[1 : len(joined_n) + 1] = joined_n
        lasts_b1 = self._stream_lengths[:, None]
        for step in range(first_step, self.steps_per_epoch):
            at_t = np.arange(step * size, (step + 1) * size + 1)
            read_bt = np.where(at_t <= lasts_b1, streams_bn[:, at_t].astype(np.int32), NO_CHARACTER)
            starts = range(0, size, self.sequence_length)
            yield np.stack([read_bt[:, start : start + self.sequence_length + 1] for start in starts])

    @cached_property
    def _stream_lengths(self) -> npt.NDArray[np.int64]:
        """Characters of each stream, which are those of every epoch."""
        sorted_l = -np.sort(-self.lengths_l)
        return np.bincount(self._find_streams(), weights=sorted_l, minlength=self.batch_size).astype(np.int64)

    def _find_streams(self) -> npt.NDArray[np.int64]:
        """Return the stream of each line, the longest first: 0 to b - 1, then b - 1 to 0, and so on."""
        rows_l, places_l = np.divmod(np.arange(len(self.lengths_l)), self.batch_size)
        return np.where(rows_l % 2, self.batch_size - 1 - places_l, places_l)


def plan_lines(lengths_l: npt.NDArray[np.int64], training: TrainingConfig, *, seed: int) -> LineOrder:
    """Return the order of a training text that is a list of lines.

    Args:
        lengths_l: characters of each line, its line break included.
        training: settings of the loop.
        seed: of the order.

    Raises:
        UserError: if there are fewer lines than streams.
    """
    if not len(lengths_l) >= training.batch_size:
        raise UserError(
            f"dataset must have a training text of at least {training.batch_size:,} lines (training.batch_size), got "
            f"{len(lengths_l):,}. Lower training.batch_size."
        )
    return LineOrder(
        lengths_l=lengths_l,
        batch_size=training.batch_size,
        sequence_length=training.sequence_length,
        seed=seed,
        batches_per_update=training.gradient_accumulation_steps,
    )
