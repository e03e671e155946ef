"""top-p: draw from the nucleus, the fewest likeliest symbols that hold a share p of the probability.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, find_share_problem, rule_out


def keep_nucleus(log_probabilities_bv: Any, top_p: Any) -> Any:
    """Rule out every symbol that is less likely than the last of the nucleus; ties with the last stay."""
    import tensorflow as tf

    falling_bv = tf.sort(log_probabilities_bv, axis=-1, direction="DESCENDING")
    before_bv = tf.cumsum(tf.nn.softmax(falling_bv), axis=-1, exclusive=True)
    # The likeliest stays, also where XLA takes a top_p below 1e-307 for 0.
    num_kept_b = tf.maximum(tf.reduce_sum(tf.cast(before_bv < top_p, tf.int32), axis=-1), 1)
    smallest_b1 = tf.gather(falling_bv, num_kept_b - 1, axis=1, batch_dims=1)[:, None]
    return rule_out(log_probabilities_bv, log_probabilities_bv < smallest_b1)


FILTER = Filter(
    name="top_p",
    meaning="Draw from the fewest likeliest symbols that hold this share of the probability, in (0, 1]; null: off.",
    source="Holtzman et al. 2020, The Curious Case of Neural Text Degeneration, section 3.1",
    kind=float,
    find_problem=find_share_problem,
    valid=(5e-324, 0.1, 0.9, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=20,
    apply=keep_nucleus,
)
