"""Scores of a text by weights that adapt to what they have scored; the network has its own weights again afterwards.

Axes: b stream, t time, n character, v vocabulary.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import UserError
from charrnn_exp.evaluation.adaptation import STATISTICS_STREAMS, STATISTICS_WINDOWS, Adaptation, Rule
from charrnn_exp.evaluation.details import Groups
from charrnn_exp.evaluation.scorer import measure
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.evaluation.streams import Window
from charrnn_exp.evaluation.sums import Measured, Sums
from charrnn_exp.model.network import Network, States

MAX_SEGMENTS = 100
"""Segments of a call of the compiled loop."""


def find_mean_squares(network: Network, train_n: Ids, *, segment: int) -> list[npt.NDArray[np.floating[Any]]]:
    """Return for each weight the mean square of its gradient on the training text, in the order of the network.

    The text is read in streams side by side, segment by segment, the state carried. The gradient is that of the mean
    loss of a segment of all streams, in nats.

    Args:
        network: without dropout.
        train_n: the training text, at least two symbols.
        segment: characters of one of each stream.
    """
    length = min(segment, len(train_n) - 1)
    per_stream = (len(train_n) - 1) // STATISTICS_STREAMS
    starts_b = np.minimum(np.arange(STATISTICS_STREAMS) * per_stream, len(train_n) - 1 - length)
    num_windows = min(STATISTICS_WINDOWS, max(1, per_stream // length))
    sums = [tf.Variable(tf.zeros_like(variable)) for variable in _list_variables(network)]

    def add(ids_bt: Any, states: States) -> States:
        with tf.GradientTape() as tape:
            logits_btv, states = network(ids_bt[:, :-1], states, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv))
        for total, gradient in zip(sums, _find_gradients(tape, loss, network), strict=True):
            total.assign_add(tf.square(gradient))
        return states

    add_compiled = tf.function(add, autograph=False)
    states = network.first_states(STATISTICS_STREAMS)
    for number in range(num_windows):
        at_bt = starts_b[:, None] + number * length + np.arange(length + 1)
        states = add_compiled(tf.constant(train_n[at_bt].astype(np.int32)), states)
    return [total.numpy() / num_windows for total in sums]


class AdaptiveScorer:
    """Scores one text as one stream, its weights adapting to each segment after it was scored.

    Args:
        network: the model, without dropout; it has its own weights outside of `score`.
        ids_n: the text, at least two symbols.
        starts: index of the first character of each part, in order. A part starts from the first state of the network,
            with the weights as adapted to the parts before it.
        adaptation: the rule and its rate.
        mean_squares: of the gradients, see `find_mean_squares`; unused by sgd.
        groups: of the characters, for the details of the scores; None: there are none.
    """

    def __init__(
        self,
        network: Network,
        ids_n: Ids,
        starts: Sequence[int] = (0,),
        *,
        adaptation: Adaptation,
        mean_squares: Sequence[npt.NDArray[Any]] = (),
        groups: Groups | None = None,
    ) -> None:
        self._network, self._ids_n, self._starts, self._adaptation = network, ids_n, starts, adaptation
        self._groups, self._segment = groups, adaptation.segment
        self._length = MAX_SEGMENTS * adaptation.segment
        self._roots = [tf.sqrt(tf.constant(square)) for square in mean_squares]
        self._trained = [tf.identity(variable) for variable in _list_variables(network)]
        self._read = tf.function(self._read_impl, autograph=False)
        # XLA updates each weight in one pass over memory.
        self._update = tf.function(self._update_impl, jit_compile=True, autograph=False)

    def score(self) -> Scores:
        """Return the scores.

        Raises:
            UserError: if the weights diverge.
        """
        sums = Sums(len(self._ids_n) - len(self._starts), self._groups)
        with _restoring(self._network):
            for part, (first, stop) in enumerate(itertools.pairwise([*self._starts, len(self._ids_n)])):
                states = self._network.first_states(1)
                for at in range(first, stop - 1, self._length):
                    window = _cut(self._ids_n[at:stop], self._length, rank=at - part)
                    tensors, states = self._read(
                        tf.constant(window.ids_bt), tf.constant(min(self._length, stop - 1 - at)), states
                    )
                    measured = Measured.of(tensors)
                    if not np.all(np.isfinite(measured.losses_bt)):
                        raise UserError(
                            f"adapt_rate must be smaller, got {self._adaptation.rate:g}: the loss is not finite within "
                            f"the first {at + self._length:,} characters."
                        )
                    sums.add(window, measured, 1)
        return sums.find_scores()

    def _read_impl(self, ids_bt: Any, num_scored: Any, states: States) -> tuple[list[Any], States]:
        """Return the fields of `Measured` of a window, 0 after the last scored character, and the last states."""

        def adapt(s: Any, states: States, stacks: Any) -> tuple[Any, ...]:
            window_bt = tf.slice(ids_bt, [0, s * self._segment], [1, self._segment + 1])
            is_scored_bt = (tf.range(self._segment) < num_scored - s * self._segment)[None]
            with tf.GradientTape() as tape:
                logits_vtb, states = self._network.call_symbols_first(window_bt[:, :-1], states, training=True)
                measured = measure(logits_vtb, window_bt[:, 1:], has_top=True, has_confidences=self._groups is not None)
                loss = tf.reduce_mean(tf.boolean_mask(measured[0], is_scored_bt))
            self._update(_find_gradients(tape, loss, self._network))
            found = [each for each in measured if each is not None]
            return s + 1, states, [stack.write(s, each[0]) for stack, each in zip(stacks, found, strict=True)]

        dtypes = [states[0][0].dtype, tf.bool, tf.bool, *([] if self._groups is None else [states[0][0].dtype])]
        stacks = [tf.TensorArray(dtype, MAX_SEGMENTS, element_shape=[self._segment]) for dtype in dtypes]
        num_segments = (num_scored + self._segment - 1) // self._segment
        _, states, stacks = tf.while_loop(lambda s, *_: s < num_segments, adapt, (0, states, stacks))
        return [tf.reshape(stack.stack(), [1, self._length]) for stack in stacks], states

    def _update_impl(self, gradients: list[Any]) -> None:
        rate, decay = self._adaptation.rate, self._adaptation.decay
        variables = _list_variables(self._network)
        match self._adaptation.rule:
            case Rule.sgd:
                for variable, trained, gradient in zip(variables, self._trained, gradients, strict=True):
                    variable.assign(variable - rate * gradient + decay * (trained - variable))
            case Rule.rms:
                num_weights = sum(root.shape.num_elements() for root in self._roots)
                mean = tf.add_n([tf.reduce_sum(root) for root in self._roots]) / num_weights
                for variable, trained, root, gradient in zip(
                    variables, self._trained, self._roots, gradients, strict=True
                ):
                    # Without any gradient in training there is no way back: 0 / 0 would be no number.
                    share = tf.minimum(tf.math.divide_no_nan(decay * root, mean), 1.0)
                    variable.assign(
                        variable - rate * gradient / (root + self._adaptation.epsilon) + share * (trained - variable)
                    )
            case _:
                raise AssertionError(self._adaptation.rule)


def _cut(ids_n: Ids, length: int, *, rank: int) -> Window:
    """Return the first window of one stream; what lies behind the text is not scored."""
    ids_bt, numbers_bt = np.zeros((1, length + 1), np.int32), np.arange(length)[None]
    ids_bt[0, : len(ids_n)] = ids_n[: length + 1]
    return Window(ids_bt, numbers_bt < len(ids_n) - 1, rank + numbers_bt)


@contextmanager
def _restoring(network: Network) -> Iterator[None]:
    """Give the network its own weights again after the block."""
    own = [variable.numpy() for variable in _list_variables(network)]
    try:
        yield
    finally:
        for variable, value in zip(_list_variables(network), own, strict=True):
            variable.assign(value)


def _list_variables(network: Network) -> list[Any]:
    return [variable.value for variable in network.trainable_variables]


def _find_gradients(tape: tf.GradientTape, loss: Any, network: Network) -> list[Any]:
    """Return dense gradients; that of a learned first state, which is no part of the segment, is zero."""
    gradients = tape.gradient(loss, _list_variables(network), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient) for gradient in gradients]
