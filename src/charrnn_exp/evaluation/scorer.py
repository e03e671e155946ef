"""Scores of a whole text, read in wide batches with the state carried; the network is not changed.

Axes: b stream, t time, n character, v vocabulary, h hidden units.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.details import Groups
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.evaluation.streams import NONE, Window, cut_streams
from charrnn_exp.evaluation.sums import TOP, Measured, Sums
from charrnn_exp.model.ensemble import Ensemble
from charrnn_exp.model.network import Network

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
        network: the model, or several; dropout is off.
        ids_n: the text, at least two symbols.
        starts: index of the first character of each part, in order.
        has_top: whether characters among the `TOP` likeliest are counted, too.
        groups: of the characters, for the details of the scores; None: there are none.
    """

    def __init__(
        self,
        network: Network | Ensemble,
        ids_n: Ids,
        starts: Sequence[int] = (0,),
        *,
        has_top: bool = False,
        groups: Groups | None = None,
    ) -> None:
        self._network, self._has_top, self._groups = network, has_top, groups
        self._streams = cut_streams(ids_n, starts, num_symbols=network.num_symbols)
        self._predict = tf.function(self._predict_impl, autograph=False)

    def loss(self, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """Return the mean loss in nats per character; None if it was asked to stop before the end."""
        scores = self.score(should_stop)
        return None if scores is None else scores.loss

    def score(self, should_stop: Callable[[], bool] = lambda: False) -> Scores | None:
        """Return all scores; None if it was asked to stop before the end."""
        streams, sums = self._streams, Sums(self._streams.num_scored, self._groups)
        previous_b = streams.find_previous()
        states: Any = self._network.first_states(streams.num_streams)
        kept: list[Measured] = []
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

    def _read(self, window: Window, states: Any) -> tuple[Measured, Any]:
        measured, states = self._predict(tf.constant(window.ids_bt), states)
        return Measured.of(measured), states

    def _continue(self, lasts: Any, previous_b: npt.NDArray[np.int64]) -> Any:
        """Return for each stream the last states of the one before it, or the first states of the network."""
        is_first_b1, from_b = (previous_b == NONE)[:, None], np.maximum(previous_b, 0)
        return tf.nest.map_structure(
            lambda first_bh, last_bh: tf.where(is_first_b1, first_bh, tf.gather(last_bh, from_b)),
            self._network.first_states(len(previous_b)),
            lasts,
        )

    def _predict_impl(self, window_bt: Any, states: Any) -> tuple[Any, Any]:
        logits_btv, states = self._network(window_bt[:, :-1], states, training=False)
        has_confidences = self._groups is not None
        return measure(logits_btv, window_bt[:, 1:], has_top=self._has_top, has_confidences=has_confidences), states


def measure(logits_btv: Any, targets_bt: Any, *, has_top: bool, has_confidences: bool) -> tuple[Any, ...]:
    """Return the fields of `Measured` for these predictions."""
    losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(targets_bt, logits_btv)
    hits_bt = tf.argmax(logits_btv, axis=-1, output_type=tf.int32) == targets_bt
    (b, t), v = targets_bt.shape, logits_btv.shape[-1]
    tops_bt = confidences_bt = None
    if has_top:  # of equal ones all are in or out, as in tf.math.in_top_k
        logits_nv = tf.cast(tf.reshape(logits_btv, [-1, v]), tf.float32)
        tops_n = tf.math.in_top_k(tf.reshape(targets_bt, [-1]), logits_nv, TOP)
        tops_bt = tf.reshape(tops_n, [b, t])
    if has_confidences:
        confidences_bt = tf.exp(tf.reduce_max(logits_btv, axis=-1) - tf.reduce_logsumexp(logits_btv, axis=-1))
    return losses_bt, hits_bt, tops_bt, confidences_bt
