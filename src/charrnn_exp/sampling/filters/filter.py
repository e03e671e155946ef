"""The declaration of a filter: a function on log-probabilities, and the setting that switches it on.

Axes: b stream, v vocabulary, w place in a window.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from charrnn_exp.options import Setting


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The arrays in which a filter keeps what it needs of each text so far.

    Args:
        start: takes the number of streams and the setting's value, as `apply` does; returns arrays [b, ...] before the
            first symbol.
        advance: takes these arrays, the next symbol of each stream (int32 ids [b]) and the setting's value; returns the
            arrays after it, of the same shapes. The symbols of the prompt come first. It is compiled by XLA.
    """

    start: Callable[[int, Any], tuple[Any, ...]]
    advance: Callable[[tuple[Any, ...], Any, Any], tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Filter(Setting):
    """Changes the distribution that the next symbol is drawn from; its name is that of its setting below `sampling.`.

    The default is the value that means off.

    Args:
        order: filters that are on are applied by this number, smallest first, and by name where it is equal.
        apply: takes float64 log-probabilities [b, v], after the temperature, and the setting's value as
            `Filter.to_argument` gives it; returns others, which need not sum to one; minus infinity rules a symbol out.
            It must leave at least one symbol of each row, and must look at each row alone, so that a text is the same
            alone or in a batch. It is compiled by XLA.
        memory: of the text so far, which `apply` takes as a third argument; None: it looks at the next symbol alone.
            A filter with a memory holds at temperature 0 too.
    """

    order: int
    apply: Callable[..., Any]
    memory: Memory | None = None

    def to_argument(self, value: Any) -> Any:
        """Return a value as the functions take it: whole numbers as they are, others as float64 scalars.

        A loop is compiled for each whole number, which may be a size, and once for all other numbers.
        """
        import tensorflow as tf

        return tf.convert_to_tensor(value, tf.float64) if self.kind is float else value


def rule_out(log_probabilities_bv: Any, ruled_out_bv: Any) -> Any:
    """Return the log-probabilities with minus infinity where a symbol is ruled out."""
    import tensorflow as tf

    return tf.where(ruled_out_bv, tf.constant(-math.inf, log_probabilities_bv.dtype), log_probabilities_bv)


NO_SYMBOL = -1
"""Stands in a window where the text has not begun."""


def start_window(num_streams: int, length: int) -> Any:
    """Return an empty window of the newest symbols of each text, int32 [b, w]."""
    import tensorflow as tf

    return tf.fill([num_streams, length], tf.constant(NO_SYMBOL, tf.int32))


def push(window_bw: Any, ids_b: Any) -> Any:
    """Return the window with the next symbol at its end; the oldest is gone."""
    import tensorflow as tf

    return tf.concat([window_bw[:, 1:], ids_b[:, None]], axis=1)


def find_share_problem(share: float) -> str | None:
    """Return the words after "must be" for a value that is no share in (0, 1]."""
    return None if 0.0 < share <= 1.0 else "in (0, 1]"
