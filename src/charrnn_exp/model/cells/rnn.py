"""The plain recurrent cell; weights and maths are those of keras.layers.SimpleRNN."""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.cells.cell import RecurrentCell, State


class RNN(RecurrentCell):
    """keras.layers.SimpleRNN: Elman 1990, with tanh."""

    state_names = ("hidden",)
    num_gates = 1
    num_slopes = 1
    keras_layer = keras.layers.SimpleRNN

    @staticmethod
    def step(products: list[Any], bias: Any, states: State) -> tuple[State, list[Any]]:
        """Return the state after a step and dh/dz."""
        h_hb = tf.tanh(products[0] + bias[:, None])
        return (h_hb,), [1 - h_hb * h_hb]

    @staticmethod
    def step_back(slopes: list[Any], d_states: State) -> tuple[list[Any], State]:
        """Return d_h * slope; nothing passes the gate."""
        return [d_states[0] * slopes[0]], (None,)
