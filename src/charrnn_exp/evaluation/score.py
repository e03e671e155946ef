"""The loss of a whole text, in wide batches, with the state carried; training is left untouched.

Axes: b stream, t time, v vocabulary.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.model.network import Network

MAX_STREAMS = 64
"""Streams read side by side."""
STREAM_CHARACTERS = 800
"""A stream is at least this long, so that short texts are read in few streams."""
WARMUP_CHARACTERS = 100
"""Characters that each stream but the first reads before its own, unscored, so that it does not start cold."""
MAX_WINDOW_CHARACTERS = 400
"""Characters of each stream that are read at a time; does not change the result."""
MAX_LOGITS = 8_000_000
"""Logits of one window: with thousands of symbols the windows are shorter, or memory would run out."""


class Scorer:
    """Scores one text under the current weights of a network.

    The text is cut into streams. Each but the first reads the `WARMUP_CHARACTERS` before its own part to build up
    its state, so the result is that of one stream over the whole text, to about a millionth of a nat
    (docs/LOG.md). Each character is scored once, but the first, which nothing predicts.

    Args:
        network: the model; dropout is off.
        ids_n: the text, at least two symbols.
    """

    def __init__(self, network: Network, ids_n: Ids) -> None:
        self._network = network
        self._windows_bt, self._weights_bt, self._length = _cut_streams(ids_n, num_symbols=network.num_symbols)
        self._num_scored = len(ids_n) - 1
        self._score_window = tf.function(self._score_window_impl, autograph=False)

    def loss(self, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """Return the mean loss in nats per character; None if it was asked to stop before the end."""
        total = 0.0
        states = self._network.first_states(len(self._windows_bt))
        for start in range(0, self._weights_bt.shape[1], self._length):
            if should_stop():
                return None
            window_bt = self._windows_bt[:, start : start + self._length + 1]
            weights_bt = self._weights_bt[:, start : start + self._length]
            loss, states = self._score_window(tf.constant(window_bt), tf.constant(weights_bt), states)
            total += float(loss)
        return total / self._num_scored

    def _score_window_impl(self, window_bt: Any, weights_bt: Any, states: Any) -> tuple[Any, Any]:
        logits_btv, states = self._network(window_bt[:, :-1], states, training=False)
        losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(window_bt[:, 1:], logits_btv)
        return tf.reduce_sum(tf.cast(losses_bt, tf.float64) * weights_bt), states


def to_bits(nats: float) -> float:
    """Return bits for nats.

    >>> to_bits(math.log(2.0))
    1.0
    """
    return nats / math.log(2.0)


def _cut_streams(ids_n: Ids, *, num_symbols: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], int]:
    """Return windows_bt, one id longer than weights_bt, which is 1 where the next character is scored.

    And how many characters to read at a time: a divisor of their number, so that all windows are of one size.
    """
    num_targets = len(ids_n) - 1
    num_streams = max(1, min(MAX_STREAMS, num_targets // STREAM_CHARACTERS))
    edges = np.linspace(0, num_targets, num_streams + 1).astype(np.int64)
    begins = np.maximum(edges[:-1] - WARMUP_CHARACTERS, 0)
    longest = int(np.max(edges[1:] - begins))
    num_windows = -(-longest // max(1, min(MAX_WINDOW_CHARACTERS, MAX_LOGITS // (num_streams * num_symbols))))
    length = -(-longest // num_windows)
    windows_bt = np.zeros((num_streams, num_windows * length + 1), np.int32)
    weights_bt = np.zeros((num_streams, num_windows * length), np.float64)
    for i, (begin, first, last) in enumerate(zip(begins, edges[:-1], edges[1:], strict=True)):
        windows_bt[i, : last + 1 - begin] = ids_n[begin : last + 1]
        weights_bt[i, first - begin : last - begin] = 1.0
    return windows_bt, weights_bt, length
