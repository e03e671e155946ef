"""The compiled loss against one written out in float64."""

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.model.loss import find_mean_loss

V, T, B = 7, 5, 3


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_loss_and_gradient_are_those_of_float64(scale: float) -> None:
    """Also where a power of float32 would be infinite, and where characters are missing."""
    generator = np.random.default_rng(2)
    logits_vtb = generator.normal(scale=scale, size=(V, T, B))
    targets_tb = generator.integers(0, V, size=(T, B)).astype(np.int32)
    targets_tb[3:, 0] = targets_tb[1:, 2] = -1
    with tf.GradientTape() as tape:
        logits = tf.constant(logits_vtb, tf.float32)
        tape.watch(logits)
        loss = 3.0 * find_mean_loss(logits, tf.constant(targets_tb))
    shifted_vtb = logits_vtb - logits_vtb.max(axis=0)
    logs_vtb = shifted_vtb - np.log(np.exp(shifted_vtb).sum(axis=0))
    is_target_vtb = np.arange(V)[:, None, None] == targets_tb
    is_there_tb = targets_tb >= 0
    assert float(loss) == pytest.approx(-3 * (logs_vtb * is_target_vtb).sum() / (T * B), rel=1e-5)
    expected_vtb = 3 * (np.exp(logs_vtb) - is_target_vtb) * is_there_tb / (T * B)
    np.testing.assert_allclose(tape.gradient(loss, logits), expected_vtb, rtol=1e-4, atol=1e-6)


def test_a_logit_that_is_not_finite_is_seen_in_the_loss() -> None:
    logits_vtb = np.zeros((V, T, B), np.float32)
    logits_vtb[1, 2, 0] = np.nan
    assert np.isnan(find_mean_loss(tf.constant(logits_vtb), tf.zeros([T, B], tf.int32)))
