"""A leaky cell, the simplest there is: half of the hidden values stay.

    cp examples/my_cell.py src/charrnn_exp/model/cells/leaky.py
    python -m charrnn_exp model.cell=leaky

Axes: b stream, e input features, h hidden units.
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return the state after a step and dh/dz; the product is the one of [inputs, hidden] with both matrices."""
    import tensorflow as tf

    new_hb = tf.tanh(products[0] + weights["bias"][:, None])
    return (states[0] * 0.5 + new_hb * 0.5,), [(1 - new_hb * new_hb) * 0.5]


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return d_h * slope, and the half of d_h that passes by."""
    return Back([d_states[0] * slopes[0]], (d_states[0] * 0.5,))


CELL = Cell(
    name="leaky",
    meaning="Leaky integration with a leak of 1/2: h = h / 2 + tanh(products + bias) / 2 (Jaeger 2001).",
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
)
