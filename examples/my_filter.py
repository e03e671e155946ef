"""top-p: draw from the nucleus, the fewest likeliest symbols that hold a share p of the probability.

Copy this file to src/charrnn_exp/sampling/filters/top_p.py, add the field to SamplingConfig in config/schema.py

    top_p: float | None
    (below it, as a string, the sentence of `meaning` here)

and to conf/base/sampling.yaml the same sentence as a comment and below it `top_p: null`, off. Help, completion, checks
and fuzz find it; runs from before it are read as if it were off.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, rule_out


def keep_nucleus(log_probabilities_bv: Any, top_p: float) -> Any:
    """Rule out every symbol that is less likely than the last of the nucleus; ties with the last stay."""
    import tensorflow as tf

    log_total_b1 = tf.reduce_logsumexp(log_probabilities_bv, axis=-1, keepdims=True)  # not 0 after another filter
    falling_bv = tf.sort(tf.exp(log_probabilities_bv - log_total_b1), axis=-1, direction="DESCENDING")
    before_bv = tf.cumsum(falling_bv, axis=-1, exclusive=True)
    # The likeliest stays, also where XLA takes a top_p below 1e-307 for 0.
    num_kept_b = tf.maximum(tf.reduce_sum(tf.cast(before_bv < top_p, tf.int32), axis=-1), 1)
    sorted_bv = tf.sort(log_probabilities_bv, axis=-1, direction="DESCENDING")
    smallest_b1 = tf.gather(sorted_bv, num_kept_b - 1, axis=1, batch_dims=1)[:, None]
    return rule_out(log_probabilities_bv, log_probabilities_bv < smallest_b1)


def find_problem(top_p: float) -> str | None:
    """Return the words after "must be", None for a value that is allowed."""
    return None if 0.0 < top_p <= 1.0 else "in (0, 1]"


FILTER = Filter(
    name="top_p",
    meaning="Draw from the fewest likeliest symbols that hold this share of the probability, in (0, 1]; null: off.",
    source="Holtzman et al. 2020, The Curious Case of Neural Text Degeneration",
    kind=float,
    find_problem=find_problem,
    valid=(5e-324, 0.1, 0.9, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=20,
    apply=keep_nucleus,
)
