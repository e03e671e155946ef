"""One optimizer update, compiled.

Axes: b stream, t time, v vocabulary.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.network import States
from charrnn_exp.training.state import TrainingState


class TrainingStep:
    """Loss, gradients, clipping, update, averaging: one call.

    Args:
        state: whose network, optimizer and averages are moved; its carried states are passed explicitly.
        clip_norm: see `OptimizerConfig`.
        ema_decay: see `TrainingConfig`; unused where the state has no averages.
    """

    def __init__(self, state: TrainingState, *, clip_norm: float | None, ema_decay: float) -> None:
        self._network = state.network
        self._optimizer = state.optimizer
        self._ema = state.ema
        self._clip_norm = clip_norm
        self._ema_decay = ema_decay
        self._run = tf.function(self._run_impl, autograph=False)  # autograph leaves files in the temporary folder
        # XLA makes one pass over memory of each variable's update, where Keras' operations one by one make about ten.
        self._apply = tf.function(self._apply_impl, jit_compile=True, autograph=False)

    def __call__(self, windows_bt: Any, states: States, learning_rate: float) -> tuple[float, float, States]:
        """Update the weights, unless loss or gradient are not finite.

        Args:
            windows_bt: int32, one character longer than the sequence.
            states: at the windows' first characters.
            learning_rate: of this update.

        Returns:
            Mean loss in nats per character, global gradient norm before clipping, states after the windows.
        """
        rate = tf.constant(learning_rate, tf.float32)
        loss, norm, states = self._run(windows_bt, states, rate)
        return float(loss), float(norm), states

    def _run_impl(self, windows_bt: Any, states: States, rate: Any) -> tuple[Any, Any, States]:
        variables = [variable.value for variable in self._network.trainable_variables]
        with tf.GradientTape() as tape:
            logits_btv, states = self._network(windows_bt[:, :-1], states, training=True)
            losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(windows_bt[:, 1:], logits_btv)
            loss = tf.reduce_mean(losses_bt)
        # Dense: the norm of a sparse gradient would not add up the rows of a symbol that comes twice.
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        norm = tf.linalg.global_norm(gradients)
        if self._clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._update(gradients, rate), lambda: tf.constant(False))
        return loss, norm, states

    def _update(self, gradients: list[Any], rate: Any) -> Any:
        variables = self._network.trainable_variables
        self._optimizer.learning_rate.assign(rate)
        self._apply(gradients)
        for variable, average in zip(variables, self._ema, strict=False):
            average.assign_add((variable.value - average) * (1.0 - self._ema_decay))
        return tf.constant(True)

    def _apply_impl(self, gradients: list[Any]) -> None:
        self._optimizer.apply(gradients, self._network.trainable_variables)
