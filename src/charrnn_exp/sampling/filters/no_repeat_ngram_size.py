"""n-gram guard: no sequence of n characters comes twice.

Each place of the window knows how many characters before it equal the newest ones, which one comparison a step keeps
up: the text that ends there goes on as the newest one may not.

Axes: b stream, v vocabulary, w place in a window.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, Memory, push, rule_out, start_window

WINDOW = 4096
"""Characters back to which a sequence counts: about two pages; a step takes time in proportion."""


def start(num_streams: int, _: int) -> tuple[Any, ...]:
    """Return the window of a text that has not begun, and the lengths of the sequences that end at its places."""
    import tensorflow as tf

    return start_window(num_streams, WINDOW), tf.zeros([num_streams, WINDOW], tf.int32)


def advance(memory: tuple[Any, ...], ids_b: Any, n: int) -> tuple[Any, ...]:
    """Return the window and the lengths after the next symbol; lengths count up to n - 1."""
    import tensorflow as tf

    window_bw, lengths_bw = memory
    window_bw = push(window_bw, ids_b)
    # The place before a place has moved to where it was itself.
    lengths_bw = tf.where(window_bw == ids_b[:, None], tf.minimum(lengths_bw + 1, n - 1), 0)
    is_newest_w = tf.range(WINDOW) == WINDOW - 1  # equal to itself, which is no repetition
    return window_bw, tf.where(is_newest_w, 0, lengths_bw)


def guard(log_probabilities_bv: Any, n: int, memory: tuple[Any, ...]) -> Any:
    """Rule out each symbol that would complete a sequence for the second time; where none would be left, none."""
    import tensorflow as tf

    window_bw, lengths_bw = memory
    num_streams, num_symbols = log_probabilities_bv.shape
    completes_bw = lengths_bw[:, :-1] >= n - 1
    next_bw = tf.where(completes_bw, window_bw[:, 1:], num_symbols)  # one symbol more, which nobody reads
    rows_bw = tf.range(num_streams)[:, None] * (num_symbols + 1) + next_bw
    counts = tf.scatter_nd(
        tf.reshape(rows_bw, [-1, 1]), tf.ones(num_streams * (WINDOW - 1), tf.int32), [num_streams * (num_symbols + 1)]
    )
    is_barred_bv = tf.reshape(counts, [num_streams, num_symbols + 1])[:, :num_symbols] > 0
    guarded_bv = rule_out(log_probabilities_bv, is_barred_bv)
    is_left_b1 = tf.reduce_any(tf.math.is_finite(guarded_bv), axis=-1, keepdims=True)
    return tf.where(is_left_b1, guarded_bv, log_probabilities_bv)


def find_problem(n: int) -> str | None:
    """Return the words after "must be", None for a value that is allowed."""
    return None if 2 <= n <= 1000 else "from 2 to 1000"


FILTER = Filter(
    name="no_repeat_ngram_size",
    meaning="No sequence of this many characters comes twice within 4,096 characters, 2 to 1,000; null: off.",
    source="Paulus et al. 2018, A Deep Reinforced Model for Abstractive Summarization, section 2.5",
    kind=int,
    find_problem=find_problem,
    valid=(2, 3, 20, 1000),
    invalid=(0, 1, -1, 1001),
    order=4,
    apply=guard,
    memory=Memory(start=start, advance=advance),
)
