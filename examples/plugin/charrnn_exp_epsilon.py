"""Epsilon sampling: draw from the symbols of at least a given probability.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, find_share_problem, rule_out


def keep_probable(log_probabilities_bv: Any, epsilon: Any) -> Any:
    """Rule out every symbol whose probability is below epsilon; the likeliest of its row stays."""
    import tensorflow as tf

    likeliest_b1 = tf.reduce_max(log_probabilities_bv, axis=-1, keepdims=True)
    least_b1 = tf.minimum(likeliest_b1, tf.math.log(epsilon))
    return rule_out(log_probabilities_bv, log_probabilities_bv < least_b1)


EPSILON = Filter(
    name="epsilon",
    meaning="Draw from the symbols of at least this probability, in (0, 1]; null: off.",
    source="Hewitt, Manning and Liang 2022, Truncation Sampling as Language Model Desmoothing, section 4.2",
    kind=float,
    find_problem=find_share_problem,
    valid=(5e-324, 0.05, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=30,
    apply=keep_probable,
)
