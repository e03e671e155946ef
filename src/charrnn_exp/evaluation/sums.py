"""Sums over the scored characters of a text, added window by window.

Axes: b stream, t time, n character, p scored character, g block.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.blocks import BlockMeans
from charrnn_exp.evaluation.details import Groups, Tally
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.evaluation.streams import Window

TOP = 5
"""Likeliest symbols that the top-5 accuracy counts."""


class Measured(NamedTuple):
    """The predictions of a window, measured.

    Args:
        losses_bt: of each character, float32 nats.
        hits_bt: whether it had the largest probability.
        tops_bt: whether fewer than `TOP` symbols had a larger one; None: not asked for.
        confidences_bt: the largest probability, float32; None: not asked for.
    """

    losses_bt: npt.NDArray[np.float32]
    hits_bt: npt.NDArray[np.bool_]
    tops_bt: npt.NDArray[np.bool_] | None = None
    confidences_bt: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, tensors: Sequence[Any]) -> "Measured":
        """Return the fields, which come in this order, as arrays."""
        arrays: list[Any] = [None if each is None else each.numpy() for each in tensors]
        return cls(*arrays)


class Sums:
    """Sums over the scored characters of a text.

    Args:
        num_scored: number of them, p.
        groups: that they are in, for details; None: off.
    """

    def __init__(self, num_scored: int, groups: Groups | None = None) -> None:
        self._num_scored = num_scored
        self._loss = 0.0
        self._num_hits = 0
        self._num_tops: int | None = None
        self._blocks = BlockMeans(num_scored)
        self._tally = None if groups is None else Tally(groups, num_scored)

    def add(self, window: Window, measured: Measured, sign: int) -> None:
        """Add the scores of a window; a sign of -1 takes them away again."""
        scored_bt = window.is_scored_bt
        losses_n = sign * measured.losses_bt[scored_bt].astype(np.float64)
        self._loss += float(losses_n.sum())
        self._num_hits += sign * int(np.count_nonzero(measured.hits_bt & scored_bt))
        if measured.tops_bt is not None:
            num_tops = sign * int(np.count_nonzero(measured.tops_bt & scored_bt))
            self._num_tops = num_tops + (self._num_tops or 0)
        ranks_n = window.ranks_bt[scored_bt]
        self._blocks.add(ranks_n, losses_n)
        if self._tally is not None:
            assert measured.tops_bt is not None
            assert measured.confidences_bt is not None
            measures = {"loss": losses_n, "accuracy": sign * measured.hits_bt[scored_bt].astype(np.float64)}
            measures["top5_accuracy"] = sign * measured.tops_bt[scored_bt].astype(np.float64)
            self._tally.add(ranks_n, measures, measured.confidences_bt[scored_bt].astype(np.float64), sign)

    def find_scores(self) -> Scores:
        """Return the means."""
        means_g = self._blocks.find_means()
        return Scores(
            loss=self._loss / self._num_scored,
            accuracy=self._num_hits / self._num_scored,
            standard_error=self._blocks.find_standard_error(),
            num_characters=self._num_scored,
            block_losses=None if means_g is None else tuple(means_g.tolist()),
            top5_accuracy=None if self._num_tops is None else self._num_tops / self._num_scored,
            details=None if self._tally is None else self._tally.find_details(),
        )
