"""The choice of ids from logits: temperature, filters, a draw.

Axes: b stream, v vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.filters.registry import FILTERS

LEAST_TEMPERATURE = 1e-200
"""Below it the likeliest symbol is certain. A divisor that is no normal number would be 0 in XLA."""
NO_CHANCE = -1e6
"""Logarithm of a probability that is 0 in float64."""

Filters = Sequence[tuple[Filter, Any]]
"""Filters that are on, each with its value, in the order in which they are applied."""
Memories = tuple[tuple[Any, ...], ...]
"""For each of them the arrays that it keeps of the texts so far; none for one without a memory."""


def pick(logits_bv: Any, uniforms_b: Any, temperature: Any, filters: Filters = (), memories: Memories = ()) -> Any:
    """Return one id per row, int32.

    Args:
        logits_bv: any real numbers.
        uniforms_b: float32 in [0, 1), looked up in the cumulative distribution of each row: equal numbers give equal
            ids, alone or in a batch.
        temperature: logits are divided by it; 0 picks the largest. A scalar of a compiled function is above 0.
        filters: applied then, see `find_filters`; at temperature 0 those alone that have a memory.
        memories: of all filters, see `start_memories`.
    """
    if not tf.is_tensor(temperature) and temperature == 0.0:
        return tf.argmax(_filter_greedily(logits_bv, filters, memories), axis=-1, output_type=tf.int32)
    # float64 keeps the uniform number times the total below the total, so that every id exists.
    logits_bv = tf.cast(logits_bv, tf.float64)
    below_bv = logits_bv - tf.reduce_max(logits_bv, axis=-1, keepdims=True)
    # XLA draws symbol 0 where scaled logits reach -1e20. Two float32 logits differ by at least 1e-45: no draw changes.
    sharpness = 1.0 / tf.maximum(tf.convert_to_tensor(temperature, tf.float64), LEAST_TEMPERATURE)
    scaled_bv = tf.maximum(below_bv * sharpness, NO_CHANCE)
    scaled_bv = apply_filters(scaled_bv, filters, memories)
    cumulative_bv = tf.cumsum(tf.nn.softmax(scaled_bv), axis=-1)
    threshold_b1 = tf.cast(uniforms_b, tf.float64)[:, None] * cumulative_bv[:, -1:]
    return tf.reduce_sum(tf.cast(cumulative_bv <= threshold_b1, tf.int32), axis=-1)


def apply_filters(logits_bv: Any, filters: Filters, memories: Memories) -> Any:
    """Return float64 logits after all filters; without filters they are as they were."""
    for (each, value), memory in zip(filters, memories or ((),) * len(filters), strict=True):
        remembered = () if each.memory is None else (memory,)
        logits_bv = each.apply(tf.nn.log_softmax(logits_bv), each.to_argument(value), *remembered)
    return logits_bv


def _filter_greedily(logits_bv: Any, filters: Filters, memories: Memories) -> Any:
    """Return the logits after the filters with a memory: the others leave the likeliest symbol anyway."""
    pairs = zip(filters, memories or ((),) * len(filters), strict=True)
    remembering = [(filtered, memory) for filtered, memory in pairs if filtered[0].memory is not None]
    if not remembering:
        return logits_bv
    filters, memories = zip(*remembering, strict=True)
    return apply_filters(tf.cast(logits_bv, tf.float64), filters, memories)


def start_memories(filters: Filters, num_streams: int) -> Memories:
    """Return the memories of texts that have not begun."""
    return tuple(
        () if each.memory is None else each.memory.start(num_streams, each.to_argument(value))
        for each, value in filters
    )


def advance_memories(filters: Filters, memories: Memories, ids_b: Any) -> Memories:
    """Return the memories after the next symbol of each text, int32 ids."""
    return tuple(
        () if each.memory is None else each.memory.advance(memory, ids_b, each.to_argument(value))
        for (each, value), memory in zip(filters, memories, strict=True)
    )


def find_filters(sampling: SamplingConfig) -> list[tuple[Filter, Any]]:
    """Return the filters that are on, in the order in which they are applied, each with its value."""
    values = {name: getattr(sampling, name) for name in FILTERS.built_in} | sampling.extra
    known = [(FILTERS.find(name), value) for name, value in values.items() if value is not None]
    found = [(each, each.read(value)) for each, value in known]
    on = [(each, value) for each, value in found if value != each.default]
    return sorted(on, key=lambda pair: (pair[0].order, pair[0].name))
