"""top-a: draw from the symbols that are likely enough beside the likeliest, the more of them the flatter the row.

Copy this file to src/charrnn_exp/sampling/filters/top_a.py, add the field to SamplingConfig in config/schema.py

    top_a: float | None
    (below it, as a string, the sentence of `meaning` here)

and to conf/base/sampling.yaml the same sentence as a comment and below it `top_a: null`, off. Help, completion, checks
and fuzz find it; runs from before it are read as if it were off.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, find_share_problem, rule_out


def keep_top_a(log_probabilities_bv: Any, top_a: Any) -> Any:
    """Rule out every symbol whose probability is below top_a times the square of the largest of its row."""
    import tensorflow as tf

    log_total_b1 = tf.reduce_logsumexp(log_probabilities_bv, axis=-1, keepdims=True)  # not 0 after another filter
    likeliest_b1 = tf.reduce_max(log_probabilities_bv, axis=-1, keepdims=True)
    least_b1 = tf.math.log(top_a) + 2 * likeliest_b1 - log_total_b1
    return rule_out(log_probabilities_bv, log_probabilities_bv < tf.minimum(least_b1, likeliest_b1))


FILTER = Filter(
    name="top_a",
    meaning="Draw from the symbols of at least this share of the largest probability squared, in (0, 1]; null: off.",
    source="BlinkDL 2022, RWKV-LM, the sampling method top-a",
    kind=float,
    find_problem=find_share_problem,
    valid=(5e-324, 0.1, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=28,
    apply=keep_top_a,
)
