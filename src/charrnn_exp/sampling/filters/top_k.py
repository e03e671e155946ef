"""top-k: draw from the k likeliest symbols.

Axes: b stream, v vocabulary.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, rule_out


def keep_top_k(log_probabilities_bv: Any, top_k: int) -> Any:
    """Rule out every symbol that is less likely than the k-th likeliest of its row; ties with the k-th stay."""
    import tensorflow as tf

    k = min(top_k, log_probabilities_bv.shape[-1])
    smallest_b1 = tf.math.top_k(log_probabilities_bv, k).values[:, -1:]
    return rule_out(log_probabilities_bv, log_probabilities_bv < smallest_b1)


def find_problem(top_k: int) -> str | None:
    """Return the words after "must be", None for a value that is allowed."""
    if not top_k >= 1:
        return "at least 1"
    return None if top_k < 2**63 else f"at most {2**63 - 1}, the largest 64-bit number"


FILTER = Filter(
    name="top_k",
    meaning="Number of likeliest symbols to draw from, at least 1; null: off.",
    source="Fan et al. 2018, Hierarchical Neural Story Generation, section 5.4",
    kind=int,
    find_problem=find_problem,
    valid=(1, 2, 5, 1000, 2**31 - 1, 2**31, 2**63 - 1),
    invalid=(0, -1, -(2**63), 2**63, 10**30),
    order=10,
    apply=keep_top_k,
)
