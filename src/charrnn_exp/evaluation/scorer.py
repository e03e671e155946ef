"""Scores of a whole text, read in wide batches with the state carried; the network is not changed.

Axes: b stream, t time, n character, v vocabulary, h hidden units, g block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.scores import BlockMeans, Scores
from charrnn_exp.evaluation.streams import NONE, Window, cut_streams
from charrnn_exp.model.network import Network, States

TOLERANCE = 1e-6
"""Mean absolute change of the losses of a window, nats per character, at which two readings are the same: a few times
the rounding of float32."""
MAX_READINGS = 5
"""Most readings of a text. A model that remembers more than four streams of text keeps a seam."""
MAX_KEPT_WINDOWS = 200
"""Most windows whose losses are kept to be compared, which takes 0.13 MB each. No later window is read again."""


class Scorer:
    """Scores one text under the current weights of a network, as one stream over each part of it would.

    A part is cut into streams that are read side by side. The first reading starts each of them from the first state of
    the network. Then each is read again from the last state of the stream before it, until its losses are those of the
    reading before: from there on both are the same. Every character but the first of each part is scored once.
    docs/log/evaluation.md has the differences from one stream.

    Args:
        network: the model; dropout is off.
        ids_n: the text, at least two symbols.
        starts: index of the first character of each part, in order.
    """

    def __init__(self, network: Network, ids_n: Ids, starts: Sequence[int] = (0,)) -> None:
        self._network = network
        self._streams = cut_streams(ids_n, starts, num_symbols=network.num_symbols)
        self._predict = tf.function(self._predict_impl, autograph=False)

    def loss(self, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """Return the mean loss in nats per character; None if it was asked to stop before the end."""
        scores = self.score(should_stop)
        return None if scores is None else scores.loss

    def score(self, should_stop: Callable[[], bool] = lambda: False) -> Scores | None:
        """Return all scores; None if it was asked to stop before the end."""
        streams, sums = self._streams, _Sums(self._streams.num_scored)
        previous_b = streams.find_previous()
        states = self._network.first_states(streams.num_streams)
        kept: list[_Read] = []
        for number, window in enumerate(streams.read_windows()):
            if should_stop():
                return None
            read, states = self._read(window, states)
            sums.add(window, read, 1)
            if number < MAX_KEPT_WINDOWS:
                kept.append(read)
        for _ in range(MAX_READINGS - 1 if np.any(previous_b != NONE) else 0):
            states = self._continue(states, previous_b)
            for number, window in enumerate(streams.read_windows()):
                if number == len(kept):
                    return sums.find_scores()
                if should_stop():
                    return None
                read, states = self._read(window, states)
                change = np.mean(np.abs(read.losses_bt - kept[number].losses_bt)[window.is_scored_bt])
                sums.add(window, kept[number], -1)
                sums.add(window, read, 1)
                kept[number] = read
                if change <= TOLERANCE:
                    return sums.find_scores()
        return sums.find_scores()

    def _read(self, window: Window, states: States) -> tuple["_Read", States]:
        losses_bt, hits_bt, states = self._predict(tf.constant(window.ids_bt), states)
        return _Read(losses_bt.numpy(), hits_bt.numpy()), states

    def _continue(self, lasts: States, previous_b: npt.NDArray[np.int64]) -> States:
        """Return for each stream the last states of the one before it, or the first states of the network."""
        is_first_b1, from_b = (previous_b == NONE)[:, None], np.maximum(previous_b, 0)
        states: States = tf.nest.map_structure(
            lambda first_bh, last_bh: tf.where(is_first_b1, first_bh, tf.gather(last_bh, from_b)),
            self._network.first_states(len(previous_b)),
            lasts,
        )
        return states

    def _predict_impl(self, window_bt: Any, states: Any) -> tuple[Any, Any, Any]:
        logits_btv, states = self._network(window_bt[:, :-1], states, training=False)
        losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(window_bt[:, 1:], logits_btv)
        hits_bt = tf.argmax(logits_btv, axis=-1, output_type=tf.int32) == window_bt[:, 1:]
        return losses_bt, hits_bt, states


@dataclass(frozen=True)
class _Read:
    """Loss of each character of a window, float32 nats, and whether it had the largest probability."""

    losses_bt: npt.NDArray[np.float32]
    hits_bt: npt.NDArray[np.bool_]


class _Sums:
    """Sums over the scored characters of a text."""

    def __init__(self, num_scored: int) -> None:
        self._num_scored = num_scored
        self._loss = 0.0
        self._num_hits = 0
        self._blocks = BlockMeans(num_scored)

    def add(self, window: Window, read: _Read, sign: int) -> None:
        """Add the scores of a window; a sign of -1 takes them away again."""
        losses_n = sign * read.losses_bt[window.is_scored_bt].astype(np.float64)
        self._loss += float(losses_n.sum())
        self._num_hits += sign * int(np.count_nonzero(read.hits_bt & window.is_scored_bt))
        self._blocks.add(window.ranks_bt[window.is_scored_bt], losses_n)

    def find_scores(self) -> Scores:
        """Return the means."""
        means_g = self._blocks.find_means()
        return Scores(
            loss=self._loss / self._num_scored,
            accuracy=self._num_hits / self._num_scored,
            standard_error=self._blocks.find_standard_error(),
            num_characters=self._num_scored,
            block_losses=None if means_g is None else tuple(means_g.tolist()),
        )
