"""How logits become the probabilities that are drawn from.

Axes: b stream, v vocabulary.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.config.schema import SamplingConfig


def keep_top_k(logits_bv: Any, top_k: int) -> Any:
    """Set every logit below the k-th largest of its row to minus infinity; ties with the k-th stay.

    Source: Fan et al. 2018, Hierarchical Neural Story Generation, section 5.4.
    """
    k = min(top_k, logits_bv.shape[-1])
    smallest_b1 = tf.math.top_k(logits_bv, k).values[:, -1:]
    return tf.where(logits_bv < smallest_b1, float("-inf"), logits_bv)


def pick(logits_bv: Any, uniforms_b: Any, sampling: SamplingConfig) -> Any:
    """Return one id per row, int32.

    Args:
        logits_bv: float32, any real numbers.
        uniforms_b: float32 in [0, 1), one per row: the draw is their place in the cumulative distribution, so equal
            numbers give equal ids on every machine, alone or in a batch.
        sampling: temperature (logits are divided by it; 0 picks the largest) and filters.
    """
    if sampling.temperature == 0.0:
        return tf.argmax(logits_bv, axis=-1, output_type=tf.int32)
    if sampling.top_k is not None:
        logits_bv = keep_top_k(logits_bv, sampling.top_k)
    # float64, so that the uniform number times the total stays below the total and every id is one that exists.
    scaled_bv = tf.cast(logits_bv, tf.float64) / sampling.temperature
    cumulative_bv = tf.cumsum(tf.nn.softmax(scaled_bv), axis=-1)
    threshold_b1 = tf.cast(uniforms_b, tf.float64)[:, None] * cumulative_bv[:, -1:]
    return tf.reduce_sum(tf.cast(cumulative_bv <= threshold_b1, tf.int32), axis=-1)
