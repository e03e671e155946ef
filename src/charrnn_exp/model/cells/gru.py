"""The GRU cell; weights and maths are those of keras.layers.GRU with reset_after=True, which are cuDNN's.

Axes: b batch, h hidden. The kernels have 3h columns: update z, reset r, candidate c. The gradients of the gates have 4h
rows: those of c as the kernel has it, z, r, and those of c as the recurrent kernel has it, before the reset gate, so
that the first 3h belong to the kernel and the last 3h to the recurrent kernel.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.cells.cell import RecurrentCell, State


class GRU(RecurrentCell):
    """keras.layers.GRU: Cho et al. 2014, with the reset gate after the product."""

    state_names = ("hidden",)
    num_gates = 3
    num_slopes = 5
    keras_layer = keras.layers.GRU
    bias_rows = (2,)
    is_joined = False

    @staticmethod
    def step(products: list[Any], bias: Any, states: State) -> tuple[State, list[Any]]:
        """Return the state after a step, and dh/dz of the four rows of gates; dh/dh of the step before."""
        (h_hb,) = states
        h, b = h_hb.shape
        from_inputs_3hb = tf.reshape(products[0], [3, h, b]) + tf.reshape(bias[0], [3, h, 1])
        from_hidden_3hb = tf.reshape(products[1], [3, h, b]) + tf.reshape(bias[1], [3, h, 1])
        z, r = tf.unstack(tf.tanh((from_inputs_3hb[:2] + from_hidden_3hb[:2]) * 0.5) * 0.5 + 0.5)
        c = tf.tanh(from_inputs_3hb[2] + r * from_hidden_3hb[2])
        to_c = (1 - z) * (1 - c * c)
        slopes = [to_c, (h_hb - c) * z * (1 - z), to_c * from_hidden_3hb[2] * r * (1 - r), to_c * r, z]
        return (z * h_hb + (1 - z) * c,), slopes

    @staticmethod
    def step_back(slopes: list[Any], d_states: State) -> tuple[list[Any], State]:
        """Return d_h * slopes and what the hidden values before get past the gates."""
        *gates, kept = slopes
        (d_h_hb,) = d_states
        return [d_h_hb * gate for gate in gates], (d_h_hb * kept,)

    @staticmethod
    def find_rows(h: int) -> tuple[slice, slice]:
        """Return which rows of the gates' gradients belong to the kernel and which to the recurrent kernel."""
        return slice(0, 3 * h), slice(h, 4 * h)

    @staticmethod
    def order(kernel: Any, h: int, *, axis: int = -1, back: bool = False) -> Any:
        """Return a kernel with its columns (its axis) as c, z, r, or the other way `back`."""
        return tf.roll(kernel, -h if back else h, axis=axis)
