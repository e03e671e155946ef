"""The mean cross-entropy of a batch, compiled: each pass over the logits that TensorFlow makes on its own costs as much
as all of it (docs/log/speed.md).

Axes: t time, b stream, v vocabulary.
"""

from typing import Any

import tensorflow as tf

from charrnn_exp.model.gradients import custom_gradient
from charrnn_exp.model.products import compile_by_xla


@custom_gradient
def find_mean_loss(logits_vtb: Any, targets_tb: Any) -> tuple[Any, Any]:
    """Return the mean loss of all t and b, in nats.

    Args:
        logits_vtb: one for each symbol. Symbols are first, so that sums over them vectorise.
        targets_tb: int32 ids; a negative one is no character and counts as a loss of 0.
    """
    loss, d_logits_vtb = _find_loss_and_gradient(logits_vtb, targets_tb)

    def backward(d_loss: Any) -> tuple[Any, Any]:
        return d_loss * d_logits_vtb, None

    return loss, backward


@compile_by_xla
def _find_loss_and_gradient(logits_vtb: Any, targets_tb: Any) -> tuple[Any, Any]:
    dtype = logits_vtb.dtype
    highest_tb = tf.reduce_max(logits_vtb, axis=0)
    powers_vtb = tf.exp(logits_vtb - highest_tb)
    sums_tb = tf.reduce_sum(powers_vtb, axis=0)
    is_target_vtb = tf.range(logits_vtb.shape[0])[:, None, None] == targets_tb
    target_logits_tb = tf.reduce_sum(tf.where(is_target_vtb, logits_vtb, tf.zeros([], dtype)), axis=0)
    shares_tb = tf.cast(targets_tb >= 0, dtype) / targets_tb.shape.num_elements()
    loss = tf.reduce_sum(shares_tb * (tf.math.log(sums_tb) + highest_tb - target_logits_tb))
    return loss, (powers_vtb / sums_tb - tf.cast(is_target_vtb, dtype)) * shares_tb
