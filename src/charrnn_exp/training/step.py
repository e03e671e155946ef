"""One optimizer update, compiled: as a whole, or in parts that are differentiated at once.

A part is an equal share of the batch's streams, on a Python thread of its own and, where there are several, on a device
of its own. The products of small models are too short to be shared by two cores: a part keeps its core busy by itself.
Parts are added in their order, so that the same number of parts gives the same bits. In a process in which another
program has imported TensorFlow they are computed one after another (`machine/compiled.py`), to the same bits.

Axes: a batch of an update, b stream, t time, v vocabulary, h hidden units.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.machine.compiled import keeps_reductions
from charrnn_exp.model.gradients import forgetting_gradients
from charrnn_exp.model.loss import find_mean_loss
from charrnn_exp.model.network import States
from charrnn_exp.training.state import TrainingState

SEEDS_APART = 1_000_003
"""Between the seeds of one dropout layer in two parts: more than between those of two layers."""


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
        self._num_parts, self._devices = state.num_parts, state.devices
        self._seeds = [layer.seed_generator.state for layer in self._network.list_dropouts() if layer.rate > 0]
        is_at_once = state.num_parts > 1 and keeps_reductions()
        self._threads = ThreadPoolExecutor(state.num_parts - 1) if is_at_once else None
        # Without autograph, which leaves files in the temporary folder.
        self._run = tf.function(self._run_impl, autograph=False)
        self._differentiate_part = tf.function(self._differentiate_part_impl, autograph=False)
        self._finish = tf.function(self._finish_impl, autograph=False)
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
        batch = tf.constant(windows_abt), tf.constant(starts_ab), states
        if self._num_parts == 1 or windows_abt.shape[1] % self._num_parts:
            loss, norm, states = self._run(*batch, rate)
        else:
            loss, norm, states = self._finish(batch[0], self._differentiate_parts(*batch), rate)
        return float(loss), float(norm), states

    def close(self) -> None:
        """End the threads of the parts."""
        if self._threads is not None:
            self._threads.shutdown()

    def _differentiate_parts(self, *batch: Any) -> list[tuple[Any, ...]]:
        others = range(1, self._num_parts)  # this thread computes the first
        if self._threads is None:
            return [self._differentiate_there(number, *batch) for number in (0, *others)]
        futures = [self._threads.submit(self._differentiate_there, number, *batch) for number in others]
        try:
            return [self._differentiate_there(0, *batch), *(future.result() for future in futures)]
        finally:
            wait(futures)

    def _differentiate_there(self, number: int, *batch: Any) -> tuple[Any, ...]:
        """Return the loss, gradients, last states and seeds of a part, computed on its device."""
        with tf.device(self._devices[number % len(self._devices)] if self._devices else None):
            found: tuple[Any, ...] = self._differentiate_part(tf.constant(number), *batch)
        return found

    def _run_impl(self, windows_abt: Any, starts_ab: Any, states: States, rate: Any) -> tuple[Any, Any, States]:
        return self._finish_impl(windows_abt, [self._differentiate_batches(windows_abt, starts_ab, states, 0)], rate)

    def _differentiate_part_impl(
        self, number: Any, windows_abt: Any, starts_ab: Any, states: States
    ) -> tuple[Any, ...]:
        b = windows_abt.shape[1] // self._num_parts

        def cut(array: Any, axis: int) -> Any:
            begin, size = [0] * array.shape.rank, array.shape.as_list()
            begin[axis], size[axis] = number * b, b
            return tf.slice(array, tf.stack(begin), size)

        states = tf.nest.map_structure(lambda array_bh: cut(array_bh, 0), states)
        return self._differentiate_batches(cut(windows_abt, 1), cut(starts_ab, 1), states, number)

    def _differentiate_batches(
        self, windows_abt: Any, starts_ab: Any, states: States, number: Any
    ) -> tuple[Any, list[Any], States, list[Any]]:
        """Return mean loss and gradients, last states and next seeds of the batches, computed one after another."""
        apart = [tf.cast(tf.stack([number * SEEDS_APART, 0]), seed.dtype) for seed in self._seeds]
        seeds = [seed + more for seed, more in zip(self._seeds, apart, strict=True)]
        num_batches = windows_abt.shape[0]
        if num_batches == 1:
            return self._differentiate(windows_abt[0], starts_ab[0], states, seeds)

        def add(k: Any, loss: Any, gradients: list[Any], states: States, seeds: list[Any]) -> tuple[Any, ...]:
            more_loss, more, states, seeds = self._differentiate(windows_abt[k], starts_ab[k], states, seeds)
            return k + 1, loss + more_loss, [a + b for a, b in zip(gradients, more, strict=True)], states, seeds

        zeros = [tf.zeros_like(variable.value) for variable in self._network.trainable_variables]
        start = (tf.constant(0), tf.zeros([], zeros[0].dtype), zeros, states, seeds)
        # One at a time: two batches at once would need twice the memory.
        _, loss, gradients, states, seeds = tf.while_loop(
            lambda k, *_: k < num_batches, add, start, parallel_iterations=1
        )
        return loss / num_batches, [gradient / num_batches for gradient in gradients], states, seeds

    def _differentiate(
        self, windows_bt: Any, starts_b: Any, states: States, seeds: list[Any]
    ) -> tuple[Any, list[Any], States, list[Any]]:
        """Return mean loss, gradients, last states and next seeds of one batch.

        Learned first states get their gradient here. The seeds of dropout are passed, not read and written: several
        parts draw at once.
        """
        variables = [variable.value for variable in self._network.trainable_variables]
        scope = keras.StatelessScope(list(zip(self._seeds, seeds, strict=True)))
        with scope, tf.GradientTape() as tape:
            first_states = self._network.first_states(windows_bt.shape[0])
            states = tf.nest.map_structure(
                lambda first_bh, carried_bh: tf.where(starts_b[:, None], first_bh, carried_bh), first_states, states
            )
            ids_bt = tf.maximum(windows_bt[:, :-1], 0) if self._is_padded else windows_bt[:, :-1]
            logits_vtb, states = self._network.call_symbols_first(ids_bt, states, training=True)
            loss = find_mean_loss(logits_vtb, tf.transpose(windows_bt[:, 1:]))
        # Dense: the norm of a sparse gradient does not add the rows of a repeated symbol.
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
        return loss, gradients, states, [scope.get_current_value(seed) for seed in self._seeds]

    def _finish_impl(self, windows_abt: Any, parts: Sequence[tuple[Any, ...]], rate: Any) -> tuple[Any, Any, States]:
        """Make the update from the parts; return loss, gradient norm and the states of all streams."""
        losses, of_parts, states_of_parts, seeds_of_parts = zip(*parts, strict=True)
        loss, num_parts = sum(losses[1:], losses[0]) / len(parts), len(parts)
        gradients = [sum(each[1:], each[0]) / num_parts for each in zip(*of_parts, strict=True)]
        states = tf.nest.map_structure(lambda *arrays_bh: tf.concat(arrays_bh, 0), *states_of_parts)
        for seed, value in zip(self._seeds, seeds_of_parts[0], strict=True):
            seed.assign(value)
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
