"""The GRU cell, with weights and maths of keras.layers.GRU(reset_after=True) and of cuDNN.

Axes: b stream, h hidden units, z gates. The kernels have 3h columns: update z, reset r, candidate c. The gradients of
the gates have 4h rows: c as the kernel has it, z, r, and c as the recurrent kernel has it, before the reset gate, so
that the first 3h belong to the kernel and the last 3h to the recurrent kernel.
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return the state after a step, and dh/dz of the four rows of gates; dh / d previous h."""
    import tensorflow as tf

    (h_hb,) = states
    from_inputs_3hb, from_hidden_3hb = _add_biases(products, weights, states)
    z, r = tf.unstack(tf.tanh((from_inputs_3hb[:2] + from_hidden_3hb[:2]) * 0.5) * 0.5 + 0.5)
    c = tf.tanh(from_inputs_3hb[2] + r * from_hidden_3hb[2])
    to_c_hb = (1 - z) * (1 - c * c)
    slopes = [to_c_hb, (h_hb - c) * z * (1 - z), to_c_hb * from_hidden_3hb[2] * r * (1 - r), to_c_hb * r, z]
    return (z * h_hb + (1 - z) * c,), slopes


def find_gates(products: list[Any], weights: Values, states: State) -> list[Any]:
    """Return the gates z and r."""
    import tensorflow as tf

    from_inputs_3hb, from_hidden_3hb = _add_biases(products, weights, states)
    gates: list[Any] = tf.unstack(tf.sigmoid(from_inputs_3hb[:2] + from_hidden_3hb[:2]))
    return gates


def _add_biases(products: list[Any], weights: Values, states: State) -> list[Any]:
    """Return the sums of the inputs and of the hidden values, [3, h, b] each."""
    import tensorflow as tf

    h, b = states[0].shape
    pairs = zip(products, (weights["bias"][0], weights["bias"][1]), strict=True)
    return [tf.reshape(product, [3, h, b]) + tf.reshape(bias_z, [3, h, 1]) for product, bias_z in pairs]


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return d_h * slopes and the direct gradient of the previous hidden values."""
    *gates, kept = slopes
    (d_h_hb,) = d_states
    return Back([d_h_hb * gate for gate in gates], (d_h_hb * kept,))


def load_keras_layer() -> Any:
    """Return Keras' GRU."""
    import keras

    return keras.layers.GRU


CELL = Cell(
    name="gru",
    meaning="Gated recurrent unit (Cho et al. 2014) with the reset gate after the product, as cuDNN has it.",
    state_names=("hidden",),
    weights=(
        Weight("kernel", lambda e, h: (e, 3 * h), "inputs", "glorot_uniform"),
        Weight("recurrent_kernel", lambda e, h: (h, 3 * h), "hidden", "orthogonal"),
        Weight("bias", lambda e, h: (2, 3 * h), "ones"),
    ),
    step=step,
    step_back=step_back,
    num_slopes=5,
    kept_copies=9,
    passing_copies=14,
    joins_products=False,
    gates_of_inputs=(0, 3),
    gates_of_hidden=(1, 4),
    turn=1,
    keras_layer=load_keras_layer,
    gate_names=("update", "reset"),
    find_gates=find_gates,
)
