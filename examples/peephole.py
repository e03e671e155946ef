"""An LSTM whose gates see the cell: weights that multiply a state element by element.

    cp examples/peephole.py src/charrnn_exp/model/cells/peephole.py
    python -m charrnn_exp model.cell=peephole

Axes: b stream, e input features, h hidden units, z gates (4h: i, f, g, o).
"""

from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight
from charrnn_exp.model.cells.lstm import open_forget_gate


def step(products: list[Any], weights: Values, states: State) -> tuple[State, list[Any]]:
    """Return the states after a step; the slopes of i, f, g, o, of h to c and of c to c; the cell before and after."""
    import tensorflow as tf

    _, c_hb = states
    h, b = c_hb.shape
    z_4hb = tf.reshape(products[0], [4, h, b]) + tf.reshape(weights["bias"], [4, h, 1])
    i = tf.sigmoid(z_4hb[0] + weights["peephole_i"][:, None] * c_hb)
    f = tf.sigmoid(z_4hb[1] + weights["peephole_f"][:, None] * c_hb)
    g = tf.tanh(z_4hb[2])
    new_c_hb = f * c_hb + i * g
    o = tf.sigmoid(z_4hb[3] + weights["peephole_o"][:, None] * new_c_hb)
    tanh_c_hb = tf.tanh(new_c_hb)
    d_gates = [g * i * (1 - i), c_hb * f * (1 - f), i * (1 - g * g), tanh_c_hb * o * (1 - o)]
    return (o * tanh_c_hb, new_c_hb), [*d_gates, o * (1 - tanh_c_hb * tanh_c_hb), f, c_hb, new_c_hb]


def step_back(slopes: list[Any], weights: Values, d_states: State) -> Back:
    """Return the gradients of the gates, of the cell before (also through i and f) and of the peepholes."""
    i, f, g, o, dh_dc_hb, forget, c_hb, new_c_hb = slopes
    d_h_hb, d_c_hb = d_states
    d_o_hb = d_h_hb * o
    d_c_hb += d_h_hb * dh_dc_hb + d_o_hb * weights["peephole_o"][:, None]
    d_i_hb, d_f_hb = d_c_hb * i, d_c_hb * f
    d_before = d_c_hb * forget + d_i_hb * weights["peephole_i"][:, None] + d_f_hb * weights["peephole_f"][:, None]
    d_weights = {"peephole_i": d_i_hb * c_hb, "peephole_f": d_f_hb * c_hb, "peephole_o": d_o_hb * new_c_hb}
    return Back([d_i_hb, d_f_hb, d_c_hb * g, d_o_hb], (None, d_before), d_weights)


CELL = Cell(
    name="peephole",
    meaning="LSTM with peepholes: i and f see the cell before, o the cell after (Gers and Schmidhuber 2000).",
    state_names=("hidden", "cell"),
    weights=(
        Weight("kernel", lambda e, h: (e, 4 * h), "inputs", "glorot_uniform"),
        Weight("recurrent_kernel", lambda e, h: (h, 4 * h), "hidden", "orthogonal"),
        Weight("bias", lambda e, h: (4 * h,), "ones", open_forget_gate),
        Weight("peephole_i", lambda e, h: (h,), "states"),
        Weight("peephole_f", lambda e, h: (h,), "states"),
        Weight("peephole_o", lambda e, h: (h,), "states"),
    ),
    step=step,
    step_back=step_back,
    num_slopes=8,
    kept_copies=12,
    passing_copies=16,
    has_large_features=False,
)
