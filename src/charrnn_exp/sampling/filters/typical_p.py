"""Locally typical sampling: draw from the symbols whose surprise is closest to the expected one.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, find_share_problem, rule_out


def keep_typical(log_probabilities_bv: Any, typical_p: Any) -> Any:
    """Keep the fewest symbols closest to the entropy that hold the share; ties with the last of them stay."""
    import tensorflow as tf

    logs_bv = tf.nn.log_softmax(log_probabilities_bv)  # another filter may have ruled some out
    p_bv = tf.exp(logs_bv)
    entropy_b1 = -tf.reduce_sum(tf.math.multiply_no_nan(logs_bv, p_bv), axis=-1, keepdims=True)
    distances_bv = tf.abs(-logs_bv - entropy_b1)  # infinite for what is ruled out
    order_bv = tf.argsort(distances_bv, axis=-1, stable=True)
    held_bv = tf.cumsum(tf.gather(p_bv, order_bv, batch_dims=1), axis=-1, exclusive=True)
    num_kept_b = tf.maximum(tf.reduce_sum(tf.cast(held_bv < typical_p, tf.int32), axis=-1), 1)
    rising_bv = tf.gather(distances_bv, order_bv, batch_dims=1)
    largest_b1 = tf.gather(rising_bv, num_kept_b - 1, axis=1, batch_dims=1)[:, None]
    return rule_out(log_probabilities_bv, distances_bv > largest_b1)


FILTER = Filter(
    name="typical_p",
    meaning="Draw from the symbols closest to the expected surprise that hold this share, in (0, 1]; null: off.",
    source="Meister et al. 2023, Locally Typical Sampling, equation 9",
    kind=float,
    find_problem=find_share_problem,
    valid=(5e-324, 0.2, 0.95, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=15,
    apply=keep_typical,
)
