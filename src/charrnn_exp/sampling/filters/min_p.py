"""min-p: draw from the symbols that are not much less likely than the likeliest.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, find_share_problem, rule_out


def keep_likely(log_probabilities_bv: Any, min_p: Any) -> Any:
    """Rule out every symbol whose probability is below min_p times that of the likeliest of its row."""
    import tensorflow as tf

    likeliest_b1 = tf.reduce_max(log_probabilities_bv, axis=-1, keepdims=True)
    return rule_out(log_probabilities_bv, log_probabilities_bv < likeliest_b1 + tf.math.log(min_p))


FILTER = Filter(
    name="min_p",
    meaning="Draw from the symbols at least this share as likely as the likeliest, in (0, 1]; null: off.",
    source="Nguyen et al. 2024, Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs, section 3",
    kind=float,
    find_problem=find_share_problem,
    valid=(5e-324, 0.05, 1.0),
    invalid=(0.0, -0.1, 1.5),
    order=25,
    apply=keep_likely,
)
