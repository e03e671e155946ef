"""The recurrent layer. (Placeholder: Keras' cell.)"""

from typing import Any

import keras
import tensorflow as tf


class LSTM(keras.layers.Layer):
    """Keras' LSTM with explicit states."""

    def __init__(self, units: int, *, precision: str, seed: int, name: str) -> None:
        super().__init__(name=name, dtype="float64" if precision == "float64" else "float32")
        self.layer = keras.layers.LSTM(
            units,
            return_sequences=True,
            return_state=True,
            seed=seed + 2,
            name="keras",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seed + 1),
            dtype="mixed_bfloat16" if precision == "bfloat16" else precision,
        )

    def call(self, inputs_bte: Any, states: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        outputs_bth, hidden_bh, cell_bh = self.layer(inputs_bte, initial_state=list(states))
        return outputs_bth, (tf.cast(hidden_bh, self.variable_dtype), tf.cast(cell_bh, self.variable_dtype))

    def step(self, inputs_be: Any, states: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        dtype = self.layer.compute_dtype
        outputs_bh, (hidden_bh, cell_bh) = self.layer.cell(inputs_be, [tf.cast(s, dtype) for s in states])
        return outputs_bh, (tf.cast(hidden_bh, self.variable_dtype), tf.cast(cell_bh, self.variable_dtype))
