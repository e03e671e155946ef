"""The LSTM cell; weights and maths are those of keras.layers.LSTM.

Axes: b batch, h hidden, z = 4h gates (i, f, g, o).
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.cells.cell import RecurrentCell, State


class LSTM(RecurrentCell):
    """keras.layers.LSTM: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""

    state_names = ("hidden", "cell")
    num_gates = 4
    num_slopes = 6
    keras_layer = keras.layers.LSTM

    @staticmethod
    def start_bias(bias: Any, h: int) -> None:
        """Open the forget gate."""
        bias.assign(tf.repeat(tf.constant([0, 1, 0, 0], bias.dtype), h))

    @staticmethod
    def step(products: list[Any], bias: Any, states: State) -> tuple[State, list[Any]]:
        """Return the states after a step, and dc/dz of i, f, g; dh/dz of o; dh/dc; dc/dc of the step before."""
        _, c_hb = states
        h, b = c_hb.shape
        # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, so that all four gates are one tanh
        scales_411 = tf.constant([0.5, 0.5, 1, 0.5], c_hb.dtype)[:, None, None]
        z_4hb = tf.reshape(products[0], [4, h, b]) + tf.reshape(bias, [4, h, 1])
        i, f, g, o = tf.unstack(tf.tanh(z_4hb * scales_411) * scales_411 + (1 - scales_411))
        new_c_hb = f * c_hb + i * g
        tanh_c = tf.tanh(new_c_hb)
        d_z = [g * i * (1 - i), c_hb * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o)]
        return (o * tanh_c, new_c_hb), [*d_z, o * (1 - tanh_c * tanh_c), f]

    @staticmethod
    def step_back(slopes: list[Any], d_states: State) -> tuple[list[Any], State]:
        """Return (d_c, d_c, d_c, d_h) * slopes and the gradients of the states before."""
        i, f, g, o, dh_dc, forget = slopes
        d_h_hb, d_c_hb = d_states
        d_c_hb += d_h_hb * dh_dc
        return [d_c_hb * i, d_c_hb * f, d_c_hb * g, d_h_hb * o], (None, d_c_hb * forget)
