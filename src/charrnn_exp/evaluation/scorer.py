"""Scores of a whole text, read in wide batches with the state carried; the network is not changed.

Axes: b stream, t time, n character, v vocabulary.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.scores import BlockMeans, Scores
from charrnn_exp.model.network import Network

MAX_STREAMS = 64
"""Most streams in a batch."""
STREAM_CHARACTERS = 800
"""Least length of a stream: a short text is read in few streams."""
WARMUP_CHARACTERS = 100
"""Unscored characters that each stream but the first reads before its own, to warm its state up."""
MAX_WINDOW_CHARACTERS = 400
"""Most characters of each stream in a window; the result does not depend on it."""
MAX_LOGITS = 8_000_000
"""Most logits of a window: with thousands of symbols, windows are shorter to save memory."""


class Scorer:
    """Scores one text under the current weights of a network.

    The text is cut into streams. Each but the first reads `WARMUP_CHARACTERS` before its first scored character. The
    result differs from that of one stream by a few 1e-4 nats at most (docs/log/evaluation.md). Every character but
    the first of the text is scored once.

    Args:
        network: the model; dropout is off.
        ids_n: the text, at least two symbols.
    """

    def __init__(self, network: Network, ids_n: Ids) -> None:
        self._network = network
        self._streams = _cut_streams(ids_n, num_symbols=network.num_symbols)
        self._num_scored = len(ids_n) - 1
        self._add_losses = tf.function(self._add_losses_impl, autograph=False)
        self._score_window = tf.function(self._score_window_impl, autograph=False)

    def loss(self, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """Return the mean loss in nats per character; None if it was asked to stop before the end."""
        total = 0.0
        states = self._network.first_states(self._streams.num_streams)
        for window in self._streams.read_windows():
            if should_stop():
                return None
            loss, states = self._add_losses(tf.constant(window.ids_bt), tf.constant(window.weights_bt), states)
            total += float(loss)
        return total / self._num_scored

    def score(self, should_stop: Callable[[], bool] = lambda: False) -> Scores | None:
        """Return all scores, with the very loss of `loss`; None if it was asked to stop before the end."""
        total, num_hits, blocks = 0.0, 0, BlockMeans(self._num_scored)
        states = self._network.first_states(self._streams.num_streams)
        for window in self._streams.read_windows():
            if should_stop():
                return None
            loss, losses_bt, hits_bt, states = self._score_window(
                tf.constant(window.ids_bt), tf.constant(window.weights_bt), states
            )
            is_scored_bt = window.weights_bt == 1.0
            total += float(loss)
            num_hits += int(np.count_nonzero(hits_bt.numpy() & is_scored_bt))
            blocks.add(window.positions_bt[is_scored_bt], losses_bt.numpy()[is_scored_bt])
        return Scores(
            loss=total / self._num_scored,
            accuracy=num_hits / self._num_scored,
            standard_error=blocks.find_standard_error(),
            num_characters=self._num_scored,
        )

    def _add_losses_impl(self, window_bt: Any, weights_bt: Any, states: Any) -> tuple[Any, Any]:
        loss, _, _, states = self._predict(window_bt, weights_bt, states)
        return loss, states

    def _score_window_impl(self, window_bt: Any, weights_bt: Any, states: Any) -> tuple[Any, Any, Any, Any]:
        loss, losses_bt, logits_btv, states = self._predict(window_bt, weights_bt, states)
        hits_bt = tf.argmax(logits_btv, axis=-1, output_type=tf.int32) == window_bt[:, 1:]
        return loss, losses_bt, hits_bt, states

    def _predict(self, window_bt: Any, weights_bt: Any, states: Any) -> tuple[Any, Any, Any, Any]:
        logits_btv, states = self._network(window_bt[:, :-1], states, training=False)
        losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(window_bt[:, 1:], logits_btv)
        return tf.reduce_sum(tf.cast(losses_bt, tf.float64) * weights_bt), losses_bt, logits_btv, states


@dataclass(frozen=True)
class _Window:
    """Characters of all streams that are read at once.

    Args:
        ids_bt: int32, one longer than the other arrays (the last target); 0 after the end of a stream.
        weights_bt: float64, 1 where the next character is scored, else 0.
        positions_bt: index of each target among all targets of the text.
    """

    ids_bt: npt.NDArray[np.int32]
    weights_bt: npt.NDArray[np.float64]
    positions_bt: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Streams:
    """Positions of the streams of a text: stream i reads from begins_b[i] and is scored from firsts_b[i] to lasts_b[i].

    Args:
        ids_n: the text.
        begins_b: index of the first input.
        firsts_b: index of the first input whose target is scored.
        lasts_b: index of the last target.
        length: characters of each window.
        num_windows: windows of each stream.
    """

    ids_n: Ids
    begins_b: npt.NDArray[np.int64]
    firsts_b: npt.NDArray[np.int64]
    lasts_b: npt.NDArray[np.int64]
    length: int
    num_windows: int

    @property
    def num_streams(self) -> int:
        """Number of streams read side by side, b."""
        return len(self.begins_b)

    def read_windows(self) -> Iterator[_Window]:
        """Yield the windows in order, each cut when it is needed."""
        firsts_b1, lasts_b1 = self.firsts_b[:, None], self.lasts_b[:, None]
        for number in range(self.num_windows):
            at_bt = self.begins_b[:, None] + number * self.length + np.arange(self.length + 1)
            ids_bt = np.where(at_bt <= lasts_b1, self.ids_n[np.minimum(at_bt, lasts_b1)], 0).astype(np.int32)
            positions_bt = at_bt[:, :-1]
            weights_bt = ((firsts_b1 <= positions_bt) & (positions_bt < lasts_b1)).astype(np.float64)
            yield _Window(ids_bt, weights_bt, positions_bt)


def _cut_streams(ids_n: Ids, *, num_symbols: int) -> _Streams:
    num_targets = len(ids_n) - 1
    num_streams = max(1, min(MAX_STREAMS, num_targets // STREAM_CHARACTERS))
    edges = np.linspace(0, num_targets, num_streams + 1).astype(np.int64)
    begins_b = np.maximum(edges[:-1] - WARMUP_CHARACTERS, 0)
    longest = int(np.max(edges[1:] - begins_b))
    num_windows = -(-longest // max(1, min(MAX_WINDOW_CHARACTERS, MAX_LOGITS // (num_streams * num_symbols))))
    return _Streams(ids_n, begins_b, edges[:-1], edges[1:], -(-longest // num_windows), num_windows)
