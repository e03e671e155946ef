"""Recurrent layers whose states are inputs and outputs: ours on a CPU, Keras' (cuDNN) on a GPU.

Axes: b stream, t time, v vocabulary, e input features, h hidden units, z gates (columns of the kernels).
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell, Start, State, Weight
from charrnn_exp.model.recurrence import Resets, run, run_on_ids

SYMBOL_DEVIATION = 2.0
"""Standard deviation of the first kernel where its inputs are one-hot. With a small one the gates see little of their
input: of 0.05, 0.2, 0.5, 1 and 2 each beats all smaller ones (docs/log/models.md)."""


def choose_layer(cell: Cell, *, gpu: bool, resets: bool = False) -> "type[Recurrent]":
    """Return the faster layer: ours on a CPU, Keras' (cuDNN) on a GPU if Keras has the cell.

    Args:
        cell: its declaration.
        gpu: whether there is one.
        resets: whether streams start anew within a window, which cuDNN cannot.
    """
    return KerasRecurrent if gpu and cell.keras_layer is not None and not resets else Recurrent


class Recurrent(keras.layers.Layer):
    """A recurrent layer whose states are inputs and outputs.

    Args:
        cell: its declaration.
        units: h.
        seed: of the first weights, which start as the cell says.
        precision: "float32" computes in the dtype of the weights; "bfloat16" multiplies bfloat16 and sums float32.
        reads_symbols: whether the inputs are one-hot; the input matrix then starts normally distributed.
        weight_dropout: see `ModelConfig`.
        dtype: of weights and states.
        name: of the layer.
    """

    def __init__(
        self,
        cell: Cell,
        units: int,
        *,
        seed: int,
        precision: str,
        reads_symbols: bool = False,
        weight_dropout: float = 0.0,
        dtype: str = "float32",
        name: str = "recurrent",
    ) -> None:
        super().__init__(autocast=False, dtype=dtype, name=name)
        self.cell, self.units, self.seed, self.precision = cell, units, seed, precision
        self.reads_symbols = reads_symbols
        self.weight_dropout = keras.layers.Dropout(weight_dropout, seed=seed + 6, dtype=dtype, name="weight_dropout")

    def build(self, inputs_shape: tuple[int | None, ...], states_shape: Any = None) -> None:
        """Make the weights; the last size of the inputs' shape is the number of features."""
        e = inputs_shape[-1]
        assert e is not None, "the number of features is known"
        shapes = {weight.name: weight.shape(e, self.units) for weight in self.cell.weights}
        self.weights_by_name = {
            weight.name: self.add_weight(
                name=weight.name, shape=shapes[weight.name], initializer=self._find_start(weight, shapes[weight.name])
            )
            for weight in self.cell.weights
        }

    def _find_start(self, weight: Weight, shape: tuple[int, ...]) -> Any:
        if self.reads_symbols and weight.reads == "inputs":
            return keras.initializers.RandomNormal(0.0, SYMBOL_DEVIATION, seed=self.seed)
        return make_initializer(weight.start, shape, self.seed)

    def call(
        self,
        inputs_teb: Any,
        states: State,
        training: bool = False,
        drops: bool = False,
        resets: Resets | None = None,
    ) -> tuple[Any, State]:
        """Return outputs_thb and the states after the last step; a gradient needs training=True.

        Args:
            inputs_teb: features of each step.
            states: [b, h] each, before the first step.
            training: whether to keep the values that a gradient needs.
            drops: whether dropout of the weights is on.
            resets: bool [b, t], true where a stream starts anew before a step, and the states [b, h] that it starts
                from; None: nowhere.
        """
        outputs_thb, states = run(
            self.cell,
            inputs_teb,
            self._values(drops),
            _turn(states),
            precision=self.precision,
            training=training,
            resets=_turn_resets(resets),
        )
        return outputs_thb, _turn(states)

    def call_on_ids(
        self,
        ids_bt: Any,
        embedding_ve: Any | None,
        states: State,
        training: bool = False,
        drops: bool = False,
        resets: Resets | None = None,
    ) -> tuple[Any, State]:
        """Call the layer on the rows ids_bt of embedding_ve; on one-hot inputs if embedding_ve is None."""
        outputs_thb, states = run_on_ids(
            self.cell,
            ids_bt,
            None if embedding_ve is None else tf.convert_to_tensor(embedding_ve),
            self._values(drops),
            _turn(states),
            precision=self.precision,
            training=training,
            resets=_turn_resets(resets),
        )
        return outputs_thb, _turn(states)

    def _values(self, drops: bool) -> dict[str, Any]:
        values = {name: tf.convert_to_tensor(variable) for name, variable in self.weights_by_name.items()}
        if drops and self.weight_dropout.rate > 0 and (name := self.cell.recurrent_kernel) is not None:
            values[name] = self.weight_dropout(values[name], training=True)
        return values


class KerasRecurrent(Recurrent):
    """The same layer computed by Keras, which uses cuDNN on a GPU."""

    def build(self, inputs_shape: tuple[int | None, ...], states_shape: Any = None) -> None:
        """Make the weights; the last size of the inputs' shape is the number of features."""
        super().build(inputs_shape)
        assert self.cell.keras_layer is not None, "see choose_layer"
        policy = "mixed_bfloat16" if self.precision == "bfloat16" else self.dtype
        layer = self.cell.keras_layer()(self.units, return_sequences=True, return_state=True, dtype=policy)
        layer.build(inputs_shape)
        seeds = [seed.value for seed in layer.non_trainable_variables]  # of its dropout, which is off

        # A function hides the layer from Keras, which would count its unused weights as ours.
        def run(inputs_bte: Any, states: State, drops: bool) -> Any:
            values = [*self._values(drops).values()]
            return layer.stateless_call(values, seeds, inputs_bte, initial_state=list(states))[0]

        self._run = run

    def call(
        self,
        inputs_teb: Any,
        states: State,
        training: bool = False,
        drops: bool = False,
        resets: Resets | None = None,
    ) -> tuple[Any, State]:
        """Return outputs_thb and the states after the last step."""
        assert resets is None, "see choose_layer"
        outputs_bth, *states_bh = self._run(tf.transpose(inputs_teb, [2, 0, 1]), states, drops)
        return tf.transpose(outputs_bth, [1, 2, 0]), tuple(tf.cast(state_bh, self.dtype) for state_bh in states_bh)

    def call_on_ids(
        self,
        ids_bt: Any,
        embedding_ve: Any | None,
        states: State,
        training: bool = False,
        drops: bool = False,
        resets: Resets | None = None,
    ) -> tuple[Any, State]:
        """Call the layer on the rows ids_bt of embedding_ve; on one-hot inputs if embedding_ve is None."""
        if embedding_ve is None:
            inputs_bte = tf.one_hot(ids_bt, self.weights_by_name[self.cell.kernel].shape[0], dtype=self.dtype)
        else:
            inputs_bte = tf.gather(tf.convert_to_tensor(embedding_ve), ids_bt)
        return self.call(tf.transpose(inputs_bte, [1, 2, 0]), states, training, drops, resets)


def make_initializer(start: Start, shape: tuple[int, ...], seed: int) -> Any:
    """Return Keras' initializer of a weight's first values."""
    match start:
        case "glorot_uniform":
            return keras.initializers.GlorotUniform(seed)
        case "orthogonal":
            return keras.initializers.Orthogonal(seed=seed)
        case "zeros":
            return keras.initializers.Zeros()
        case _ if callable(start):
            values = start(shape, np.random.default_rng(seed))
            return lambda shape, dtype=None: tf.cast(tf.reshape(tf.convert_to_tensor(values), shape), dtype)
        case _:
            raise AssertionError(start)


def _turn(states: State) -> State:
    return tuple(map(tf.transpose, states))


def _turn_resets(resets: Resets | None) -> Resets | None:
    return None if resets is None else (tf.transpose(resets[0]), _turn(resets[1]))
