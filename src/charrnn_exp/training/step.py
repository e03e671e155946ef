"""One optimizer update, compiled.

Axes: a batch of an update, b stream, t time, v vocabulary, h hidden units.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.gradients import forgetting_gradients
from charrnn_exp.model.network import States
from charrnn_exp.training.state import TrainingState


class TrainingStep:
    """One update: loss, gradients, clipping, optimizer, weight average.

    Args:
        state: network, optimizer and averages, changed in place; carried states are passed explicitly.
        clip_norm: see `OptimizerConfig`.
        clip_value: see `OptimizerConfig`.
        ema_decay: see `TrainingConfig`; unused where the state has no averages.
        is_padded: whether windows may end in negative ids, which are no characters. Each character then counts as much
            as in a full update: the gradient is the sum of all divided by the characters of a full one.
    """

    def __init__(
        self,
        state: TrainingState,
        *,
        clip_norm: float | None,
        clip_value: float | None,
        ema_decay: float,
        is_padded: bool = False,
    ) -> None:
        self._network = state.network
        self._optimizer = state.optimizer
        self._ema = state.ema
        self._clip_norm = clip_norm
        self._clip_value = clip_value
        self._ema_decay = ema_decay
        self._is_padded = is_padded
        self._run = tf.function(self._run_impl, autograph=False)  # autograph leaves files in the temporary folder
        # XLA updates each variable in one pass over memory; Keras' separate operations make about ten.
        self._apply = tf.function(self._apply_impl, jit_compile=True, autograph=False)

    def __call__(
        self, windows_abt: Any, starts_ab: Any, states: States, learning_rate: float
    ) -> tuple[float, float, States]:
        """Update the weights, unless the loss or a gradient is not finite.

        Args:
            windows_abt: int32 ids, one longer than the sequence; the update uses the mean gradient of all a.
            starts_ab: bool, true where a stream starts a batch from the first states of the network.
            states: carried into the first batch; each further batch starts from the states after the previous one.
            learning_rate: rate of this update.

        Returns:
            Mean loss in nats per character of the windows, global gradient norm before clipping, states after the last
            windows.
        """
        rate = tf.constant(learning_rate, tf.float32)
        loss, norm, states = self._run(tf.constant(windows_abt), tf.constant(starts_ab), states, rate)
        return float(loss), float(norm), states

    def _run_impl(self, windows_abt: Any, starts_ab: Any, states: States, rate: Any) -> tuple[Any, Any, States]:
        if windows_abt.shape[0] == 1:
            loss, gradients, states = self._differentiate(windows_abt[0], starts_ab[0], states)
        else:
            loss, gradients, states = self._average(windows_abt, starts_ab, states)
        if self._is_padded:
            targets_abt = windows_abt[..., 1:]
            num_targets = tf.math.count_nonzero(targets_abt >= 0, dtype=loss.dtype)
            loss *= tf.cast(tf.size(targets_abt), loss.dtype) / num_targets
        norm = tf.linalg.global_norm(gradients)
        if self._clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        if self._clip_value is not None:
            gradients = [tf.clip_by_value(gradient, -self._clip_value, self._clip_value) for gradient in gradients]
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._update(gradients, rate), lambda: tf.constant(False))
        return loss, norm, states

    def _average(self, windows_abt: Any, starts_ab: Any, states: States) -> tuple[Any, list[Any], States]:
        """Return the mean loss and gradients of the batches, computed one after another."""
        num_batches = windows_abt.shape[0]

        def add(k: Any, loss: Any, gradients: list[Any], states: States) -> tuple[Any, ...]:
            more_loss, more, states = self._differentiate(windows_abt[k], starts_ab[k], states)
            return k + 1, loss + more_loss, [a + b for a, b in zip(gradients, more, strict=True)], states

        zeros = [tf.zeros_like(variable.value) for variable in self._network.trainable_variables]
        start = (tf.constant(0), tf.zeros([], zeros[0].dtype), zeros, states)
        # One at a time: two batches at once would need twice the memory.
        _, loss, gradients, states = tf.while_loop(lambda k, *_: k < num_batches, add, start, parallel_iterations=1)
        return loss / num_batches, [gradient / num_batches for gradient in gradients], states

    def _differentiate(self, windows_bt: Any, starts_b: Any, states: States) -> tuple[Any, list[Any], States]:
        """Return mean loss, gradients and last states of one batch; learned first states get their gradient here."""
        variables = [variable.value for variable in self._network.trainable_variables]
        with tf.GradientTape() as tape:
            first_states = self._network.first_states(windows_bt.shape[0])
            states = tf.nest.map_structure(
                lambda first_bh, carried_bh: tf.where(starts_b[:, None], first_bh, carried_bh), first_states, states
            )
            ids_bt = tf.maximum(windows_bt, 0) if self._is_padded else windows_bt
            logits_btv, states = self._network(ids_bt[:, :-1], states, training=True)
            losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv)
            if self._is_padded:
                losses_bt = tf.where(windows_bt[:, 1:] >= 0, losses_bt, tf.zeros_like(losses_bt))
            loss = tf.reduce_mean(losses_bt)
        # Dense: the norm of a sparse gradient does not add the rows of a repeated symbol.
        return loss, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)], states

    def _update(self, gradients: list[Any], rate: Any) -> Any:
        variables = self._network.trainable_variables
        self._optimizer.learning_rate.assign(rate)
        self._apply(gradients)
        if self._ema:
            # Few updates weigh equally, or the average would stay near the first weights.
            # Source: TensorFlow, tf.train.ExponentialMovingAverage, num_updates.
            updates = tf.cast(self._optimizer.iterations, tf.float32)
            decay = tf.minimum(self._ema_decay, updates / (updates + 9.0))
            for variable, average in zip(variables, self._ema, strict=True):
                average.assign_add((variable.value - average) * (1.0 - decay))
        return tf.constant(True)

    def _apply_impl(self, gradients: list[Any]) -> None:
        with forgetting_gradients():  # Keras reduces the gradients over devices by a custom one
            self._optimizer.apply(gradients, self._network.trainable_variables)
