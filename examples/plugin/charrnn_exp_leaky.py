"""A leaky cell with a setting of its own: the share of the hidden values that is replaced at each step.

Axes: b stream, e input features, h hidden units.
"""

from collections.abc import Mapping
from typing import Any

from charrnn_exp.model.cells.cell import Back, Cell, State, Values, Weight
from charrnn_exp.options import Setting


def step(
    products: list[Any], weights: Values, states: State, *, settings: Mapping[str, Any]
) -> tuple[State, list[Any]]:
    """Return the state after a step and dh/dz; the product is the one of [inputs, hidden] with both matrices."""
    import tensorflow as tf

    leak = settings["leak"]
    new_hb = tf.tanh(products[0] + weights["bias"][:, None])
    return (states[0] * (1 - leak) + new_hb * leak,), [(1 - new_hb * new_hb) * leak]


def step_back(slopes: list[Any], weights: Values, d_states: State, *, settings: Mapping[str, Any]) -> Back:
    """Return d_h * slope, and the share of d_h that stays."""
    return Back([d_states[0] * slopes[0]], (d_states[0] * (1 - settings["leak"]),))


def find_leak_problem(leak: float) -> str | None:
    """Return the words after "must be", None for a value that is allowed."""
    return None if 0.0 < leak <= 1.0 else "in (0, 1]"


LEAKY = Cell(
    name="leaky",
    meaning="Leaky integration: h = (1 - leak) h + leak tanh(products + bias).",
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
    settings=(
        Setting(
            name="leak",
            meaning="Share of the hidden values that a step replaces, in (0, 1].",
            source="Jaeger 2001, The echo state approach to analysing and training recurrent neural networks",
            kind=float,
            default=0.5,
            find_problem=find_leak_problem,
            valid=(0.1, 0.5, 1.0),
            invalid=(0.0, -0.1, 1.5),
        ),
    ),
)
