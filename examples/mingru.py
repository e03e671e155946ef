"""A minimal GRU: gate and candidate read the inputs alone, so there is no recurrent matrix.

    cp examples/mingru.py src/charrnn_exp/model/cells/mingru.py
    python -m charrnn_exp model.cell=mingru

The paper's candidate has no bound; here it is a tanh, because the sampler needs hidden values in [-1, 1].
Axes: b stream, e input features, h hidden units.
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return (1 - z) h + z c for z = sigmoid and c = tanh of the products, and dh/dz, dh/dc, dh/dh of their sums."""
    import tensorflow as tf

    (h_hb,) = states
    h, b = h_hb.shape
    z_hb, c_hb = tf.unstack(tf.reshape(products[0], [2, h, b]) + tf.reshape(weights["bias"], [2, h, 1]))
    z, c = tf.sigmoid(z_hb), tf.tanh(c_hb)
    return ((1 - z) * h_hb + z * c,), [(c - h_hb) * z * (1 - z), z * (1 - c * c), 1 - z]


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return d_h * slopes of gate and candidate, and the part of d_h that the gate lets pass."""
    (d_h_hb,) = d_states
    return Back([d_h_hb * slopes[0], d_h_hb * slopes[1]], (d_h_hb * slopes[2],))


CELL = Cell(
    name="mingru",
    meaning="Minimal GRU: no recurrent matrix (Feng et al. 2024, Were RNNs All We Needed?); its candidate is a tanh.",
    state_names=("hidden",),
    weights=(
        Weight("kernel", lambda e, h: (e, 2 * h), "inputs", "glorot_uniform"),
        Weight("bias", lambda e, h: (2 * h,), "ones"),
    ),
    step=step,
    step_back=step_back,
    num_slopes=3,
    kept_copies=6,
    passing_copies=9,
)
