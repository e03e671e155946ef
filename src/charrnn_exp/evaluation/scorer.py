"""Scores of a whole text, read in wide batches with the state carried; the network is not changed.

Axes: b stream, t time, n character, v vocabulary, h hidden units.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.details import Groups
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.evaluation.streams import NONE, Streams, Window, cut_groups
from charrnn_exp.evaluation.sums import TOP, Measured, Sums
from charrnn_exp.machine.compiled import keeps_reductions
from charrnn_exp.model.ensemble import Ensemble
from charrnn_exp.model.network import Network

TOLERANCE = 1e-6
"""Mean absolute change of the losses of a window, nats per character, at which two readings are the same: a few times
the rounding of float32."""
ROUNDING = 1e-2
"""Largest such change that bfloat16's rounding may be: four times that of a model of 30 epochs."""
FADES = 0.8
"""Share of the change before to which a change falls at least, as long as it is memory that fades."""
CHANCE = 3.0
"""Standard errors within which a mean change is chance."""
LEAST_CHARACTERS = 200
"""Of each stream, in the windows whose changes are compared."""
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
        num_parts: of the streams that are read at once, on a Python thread each; as many as an update has.
    """

    def __init__(
        self,
        network: Network | Ensemble,
        ids_n: Ids,
        starts: Sequence[int] = (0,),
        *,
        has_top: bool = False,
        groups: Groups | None = None,
        num_parts: int = 1,
    ) -> None:
        self._network, self._has_top, self._groups = network, has_top, groups
        self._num_parts = num_parts
        self._all_streams = cut_groups(ids_n, starts, num_symbols=network.num_symbols)
        self._predict = tf.function(self._predict_impl, autograph=False)

    def loss(self, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """Return the mean loss in nats per character; None if it was asked to stop before the end."""
        scores = self.score(should_stop)
        return None if scores is None else scores.loss

    def score(self, should_stop: Callable[[], bool] = lambda: False) -> Scores | None:
        """Return all scores; None if it was asked to stop before the end."""
        sums = Sums(sum(streams.num_scored for streams in self._all_streams), self._groups)
        is_whole = all(self._add_streams(streams, sums, should_stop) for streams in self._all_streams)
        return sums.find_scores() if is_whole else None

    def _add_streams(self, streams: Streams, sums: Sums, should_stop: Callable[[], bool]) -> bool:
        """Read streams until their losses are those of one stream over each part; return whether it was not stopped."""
        previous_b = streams.find_previous()
        states: Any = self._network.first_states(streams.num_streams)
        is_rounded = self._network.precision == "bfloat16"
        kept: list[Measured] = []
        for number, window in enumerate(streams.read_windows()):
            if should_stop():
                return False
            read, states = self._read(window, states)
            sums.add(window, read, 1)
            if number < MAX_KEPT_WINDOWS:
                kept.append(read)
        goes_on_b1 = (previous_b != NONE)[:, None]
        for _ in range(MAX_READINGS - 1 if np.any(goes_on_b1) else 0):
            states, before, changes = self._continue(states, previous_b), np.inf, []
            for number, window in enumerate(streams.read_windows()):
                if number == len(kept):
                    return True
                if should_stop():
                    return False
                read, states = self._read(window, states)
                changes.append((read.losses_bt - kept[number].losses_bt)[window.is_scored_bt & goes_on_b1])
                sums.add(window, kept[number], -1)
                sums.add(window, read, 1)
                kept[number] = read
                if len(changes) * streams.length < LEAST_CHARACTERS and number + 1 < streams.num_windows:
                    continue  # windows are short where symbols are many
                changes_n = np.concatenate(changes)
                change = np.mean(np.abs(changes_n)) if len(changes_n) else 0.0
                if change <= TOLERANCE or (is_rounded and _is_rounding(changes_n, change, before)):
                    return True
                before, changes = change, []
        return True

    def _read(self, window: Window, states: Any) -> tuple[Measured, Any]:
        b = len(window.ids_bt)
        size = -(-b // self._num_parts)
        # Parts of one size, which is compiled once: the last ones begin earlier where they do not fill the streams.
        begins = [min(first, b - size) for first in range(0, b, size)]

        def read(begin: int) -> tuple[Any, Any]:
            of_part = tf.nest.map_structure(lambda array_bh: array_bh[begin : begin + size], states)
            measured, after = self._predict(tf.constant(window.ids_bt[begin : begin + size]), of_part)
            return Measured.of(measured), after

        if len(begins) == 1:
            return read(0)
        with ThreadPoolExecutor(len(begins) if keeps_reductions() else 1) as threads:
            parts = list(threads.map(read, begins))
        skips = [first - begin for first, begin in zip(range(0, b, size), begins, strict=True)]

        def join(concatenate: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *arrays: concatenate([array[skip:] for array, skip in zip(arrays, skips, strict=True)], 0)

        fields = zip(*(measured for measured, _ in parts), strict=True)
        joined: list[Any] = [None if arrays[0] is None else join(np.concatenate)(*arrays) for arrays in fields]
        return Measured(*joined), tf.nest.map_structure(join(tf.concat), *(after for _, after in parts))

    def _continue(self, lasts: Any, previous_b: npt.NDArray[np.int64]) -> Any:
        """Return for each stream the last states of the one before it, or the first states of the network."""
        is_first_b1, from_b = (previous_b == NONE)[:, None], np.maximum(previous_b, 0)
        return tf.nest.map_structure(
            lambda first_bh, last_bh: tf.where(is_first_b1, first_bh, tf.gather(last_bh, from_b)),
            self._network.first_states(len(previous_b)),
            lasts,
        )

    def _predict_impl(self, window_bt: Any, states: Any) -> tuple[Any, Any]:
        logits_vtb, states = self._network.call_symbols_first(window_bt[:, :-1], states, training=False)
        has_confidences = self._groups is not None
        return _measure(logits_vtb, window_bt[:, 1:], has_top=self._has_top, has_confidences=has_confidences), states


def _is_rounding(changes_n: npt.NDArray[np.float32], change: Any, before: Any) -> bool:
    """Return whether losses of a network in bfloat16 have changed from reading to reading by its rounding alone.

    Rounding keeps two readings apart for ever, by as much in each window, up as often as down.
    """
    chance = CHANCE * np.std(changes_n) / np.sqrt(len(changes_n))
    return bool(FADES * before <= change <= ROUNDING and abs(np.mean(changes_n)) <= chance)


def measure(logits_vtb: Any, targets_bt: Any, *, has_top: bool, has_confidences: bool) -> tuple[Any, ...]:
    """Return the fields of `Measured` for these predictions."""
    v, targets_tb = logits_vtb.shape[0], tf.transpose(targets_bt)
    symbols_v11 = tf.range(v)[:, None, None]
    target_logits_tb = tf.reduce_sum(tf.where(symbols_v11 == targets_tb, logits_vtb, tf.zeros_like(logits_vtb)), axis=0)
    highest_tb = tf.reduce_max(logits_vtb, axis=0)
    totals_tb = tf.reduce_logsumexp(logits_vtb, axis=0)
    # Of equally likely symbols the first is the guess; among the top all are in or out, as in tf.math.in_top_k.
    guesses_tb = tf.reduce_min(tf.where(logits_vtb == highest_tb, symbols_v11, v), axis=0)
    found = [totals_tb - target_logits_tb, guesses_tb == targets_tb, None, None]
    if has_top:
        found[2] = tf.math.count_nonzero(logits_vtb > target_logits_tb, axis=0, dtype=tf.int32) < TOP
    if has_confidences:
        found[3] = tf.exp(highest_tb - totals_tb)
    return tuple(None if each_tb is None else tf.transpose(each_tb) for each_tb in found)


_measure = tf.function(measure, jit_compile=True, autograph=False)
"""Compiled: each pass over the logits that TensorFlow makes on its own costs as much as all of it."""
