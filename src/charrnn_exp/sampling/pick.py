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


def pick(logits_bv: Any, uniforms_b: Any, temperature: float, filters: Sequence[tuple[Filter, Any]] = ()) -> Any:
    """Return one id per row, int32.

    Args:
        logits_bv: float32, any real numbers.
        uniforms_b: float32 in [0, 1), looked up in the cumulative distribution of each row: equal numbers give equal
            ids, alone or in a batch.
        temperature: logits are divided by it; 0 picks the largest.
        filters: applied then, see `find_filters`.
    """
    if temperature == 0.0:
        return tf.argmax(logits_bv, axis=-1, output_type=tf.int32)
    # float64 keeps the uniform number times the total below the total, so that every id exists.
    logits_bv = tf.cast(logits_bv, tf.float64)
    below_bv = logits_bv - tf.reduce_max(logits_bv, axis=-1, keepdims=True)
    # XLA draws symbol 0 where scaled logits reach -1e20. Two float32 logits differ by at least 1e-45: no draw changes.
    scaled_bv = tf.maximum(below_bv / max(temperature, LEAST_TEMPERATURE), NO_CHANCE)
    for each, value in filters:
        scaled_bv = each.apply(tf.nn.log_softmax(scaled_bv), value)
    cumulative_bv = tf.cumsum(tf.nn.softmax(scaled_bv), axis=-1)
    threshold_b1 = tf.cast(uniforms_b, tf.float64)[:, None] * cumulative_bv[:, -1:]
    return tf.reduce_sum(tf.cast(cumulative_bv <= threshold_b1, tf.int32), axis=-1)


def find_filters(sampling: SamplingConfig) -> list[tuple[Filter, Any]]:
    """Return the filters that are on, in the order in which they are applied, each with its value."""
    values = {name: getattr(sampling, name) for name in FILTERS.built_in} | sampling.extra
    known = [(FILTERS.find(name), value) for name, value in values.items() if value is not None]
    found = [(each, each.read(value)) for each, value in known]
    on = [(each, value) for each, value in found if value != each.default]
    return sorted(on, key=lambda pair: (pair[0].order, pair[0].name))
