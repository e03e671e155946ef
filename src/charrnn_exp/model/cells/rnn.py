"""The plain recurrent cell, with weights and maths of keras.layers.SimpleRNN.

Axes: b stream, h hidden units.
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return the state after a step and dh/dz."""
    import tensorflow as tf

    h_hb = tf.tanh(products[0] + weights["bias"][:, None])
    return (h_hb,), [1 - h_hb * h_hb]


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return d_h * slope; previous hidden values have no direct gradient."""
    return Back([d_states[0] * slopes[0]], (None,))


def load_keras_layer() -> Any:
    """Return Keras' SimpleRNN."""
    import keras

    return keras.layers.SimpleRNN


CELL = Cell(
    name="rnn",
    meaning="Plain recurrent cell (Elman 1990) with tanh.",
    state_names=("hidden",),
    weights=(
        Weight("kernel", lambda e, h: (e, h), "inputs", "glorot_uniform"),
        Weight("recurrent_kernel", lambda e, h: (h, h), "hidden", "orthogonal"),
        Weight("bias", lambda e, h: (h,), "ones"),
    ),
    step=step,
    step_back=step_back,
    num_slopes=1,
    kept_copies=4,
    passing_copies=7,
    keras_layer=load_keras_layer,
)
