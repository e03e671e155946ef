"""Repetition penalty: symbols of the last characters become less likely.

Axes: b stream, v vocabulary, w place in a window.
"""

from typing import Any

from charrnn_exp.sampling.filters.filter import Filter, Memory, push, start_window

WINDOW = 64
"""Characters back to which a symbol counts as repeated: a line of text, and the usual default of llama.cpp."""


def start(num_streams: int, _: Any) -> tuple[Any, ...]:
    """Return the window of a text that has not begun."""
    return (start_window(num_streams, WINDOW),)


def advance(memory: tuple[Any, ...], ids_b: Any, _: Any) -> tuple[Any, ...]:
    """Return the window after the next symbol."""
    return (push(memory[0], ids_b),)


def penalise(log_probabilities_bv: Any, penalty: Any, memory: tuple[Any, ...]) -> Any:
    """Multiply the log-probabilities of the symbols in the window."""
    import tensorflow as tf

    symbols_v = tf.range(log_probabilities_bv.shape[-1])
    is_seen_bv = tf.reduce_any(memory[0][:, :, None] == symbols_v, axis=1)
    return tf.where(is_seen_bv, log_probabilities_bv * penalty, log_probabilities_bv)


def find_problem(penalty: float) -> str | None:
    """Return the words after "must be", None for a value that is allowed."""
    return None if 1.0 <= penalty <= 100.0 else "in [1, 100]"


FILTER = Filter(
    name="repetition_penalty",
    meaning="Factor of the log-probabilities of symbols in the last 64 characters, in [1, 100]; null: off.",
    source="Keskar et al. 2019, CTRL: A Conditional Transformer Language Model, section 4.1, on log-probabilities",
    kind=float,
    find_problem=find_problem,
    valid=(1.0, 1.2, 100.0),
    invalid=(0.0, 0.99, -1.0, 101.0),
    order=2,
    apply=penalise,
    memory=Memory(start=start, advance=advance),
)
