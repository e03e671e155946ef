"""The LSTM cell, with weights and maths of keras.layers.LSTM.

Axes: b stream, h hidden units, z gates (4h: i, f, g, o).
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return the states after a step and six local derivatives, [h, b] each.

    They are dc/dz of the gates i, f and g, dh/dz of the gate o (z: before the activation), dh/dc, and dc/d(previous c).
    """
    import tensorflow as tf

    _, c_hb = states
    i, f, g, o = _activate(products, weights, states)
    new_c_hb = f * c_hb + i * g
    tanh_c_hb = tf.tanh(new_c_hb)
    d_gates = [g * i * (1 - i), c_hb * f * (1 - f), i * (1 - g * g), tanh_c_hb * o * (1 - o)]
    return (o * tanh_c_hb, new_c_hb), [*d_gates, o * (1 - tanh_c_hb * tanh_c_hb), f]


def find_gates(products: list[Any], weights: Values, states: State) -> list[Any]:
    """Return the gates i, f and o."""
    i, f, _, o = _activate(products, weights, states)
    return [i, f, o]


def _activate(products: list[Any], weights: Values, states: State) -> list[Any]:
    """Return i, f, g and o, [h, b] each."""
    import tensorflow as tf

    _, c_hb = states
    h, b = c_hb.shape
    # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, so that all four gates are one tanh
    scales_411 = tf.constant([0.5, 0.5, 1, 0.5], c_hb.dtype)[:, None, None]
    z_4hb = tf.reshape(products[0], [4, h, b]) + tf.reshape(weights["bias"], [4, h, 1])
    gates: list[Any] = tf.unstack(tf.tanh(z_4hb * scales_411) * scales_411 + (1 - scales_411))
    return gates


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return the gradients of the gates i, f, g, o and of the previous states.

    The gradient of c first gains that of h times dh/dc. Then each gradient is that of c (of h for the gate o) times its
    local derivative. There is no direct path to the previous hidden values: None.
    """
    i, f, g, o, dh_dc_hb, forget = slopes
    d_h_hb, d_c_hb = d_states
    d_c_hb += d_h_hb * dh_dc_hb
    return Back([d_c_hb * i, d_c_hb * f, d_c_hb * g, d_h_hb * o], (None, d_c_hb * forget))


def open_forget_gate(shape: tuple[int, ...], generator: Any) -> Any:
    """Return a bias of ones for the forget gate and zeros for the others."""
    import numpy as np

    return np.repeat([0.0, 1.0, 0.0, 0.0], shape[0] // 4)


def load_keras_layer() -> Any:
    """Return Keras' LSTM."""
    import keras

    return keras.layers.LSTM


CELL = Cell(
    name="lstm",
    meaning="Long short-term memory (Hochreiter and Schmidhuber 1997) with the forget gate of Gers et al. 2000.",
    state_names=("hidden", "cell"),
    weights=(
        Weight("kernel", lambda e, h: (e, 4 * h), "inputs", "glorot_uniform"),
        Weight("recurrent_kernel", lambda e, h: (h, 4 * h), "hidden", "orthogonal"),
        Weight("bias", lambda e, h: (4 * h,), "ones", open_forget_gate),
    ),
    step=step,
    step_back=step_back,
    num_slopes=6,
    kept_copies=10,
    passing_copies=14,
    has_large_features=False,
    keras_layer=load_keras_layer,
    gate_names=("input", "forget", "output"),
    find_gates=find_gates,
)
