"""The declaration of a filter: a function on log-probabilities, and the setting that switches it on.

Axes: b stream, v vocabulary.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from charrnn_exp.options import Setting


@dataclass(frozen=True, kw_only=True)
class Filter(Setting):
    """Changes the distribution that the next symbol is drawn from; its name is that of its setting below `sampling.`.

    The default is the value that means off.

    Args:
        order: filters that are on are applied by this number, smallest first, and by name where it is equal.
        apply: takes float64 log-probabilities [b, v], after the temperature, and the setting's value; returns others,
            which need not sum to one; minus infinity rules a symbol out. It must leave at least one symbol of each
            row, and must look at each row alone, so that a text is the same alone or in a batch. It is compiled by XLA.
    """

    order: int
    apply: Callable[[Any, Any], Any]


def rule_out(log_probabilities_bv: Any, ruled_out_bv: Any) -> Any:
    """Return the log-probabilities with minus infinity where a symbol is ruled out."""
    import tensorflow as tf

    return tf.where(ruled_out_bv, tf.constant(-math.inf, log_probabilities_bv.dtype), log_probabilities_bv)
