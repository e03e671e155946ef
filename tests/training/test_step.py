"""One update."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.training.step import TrainingStep

WINDOWS_BT = np.array([[0, 3, 6, 1, 1, 2], [5, 2, 2, 4, 0, 6], [1, 1, 3, 0, 2, 5], [9, 8, 7, 6, 5, 4]], np.int32)
GO_ON_KB = np.zeros((1, 4), np.bool_)


def make(
    run: Any, *, clip_norm: float | None = None, clip_value: float | None = None, ema_decay: float = 0.0
) -> Callable[[float], tuple[float, float]]:
    step = TrainingStep(run.state, clip_norm=clip_norm, clip_value=clip_value, ema_decay=ema_decay)

    def update(rate: float) -> tuple[float, float]:
        loss, norm, _ = step(tf.constant(WINDOWS_BT[None]), GO_ON_KB, run.state.carried, rate)
        return loss, norm

    return update


def weights(run: Any) -> list[np.ndarray]:
    return [np.array(v) for v in run.state.network.trainable_variables]


def naive_gradients(run: Any, is_there_bt: np.ndarray | None = None) -> list[np.ndarray]:
    """Of the mean loss; of targets that are not there the loss is 0."""
    network = run.state.network
    with tf.GradientTape() as tape:
        logits_btv, _ = network(WINDOWS_BT[:, :-1], run.state.carried, training=True)
        losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(WINDOWS_BT[:, 1:], logits_btv)
        loss = tf.reduce_mean(losses_bt if is_there_bt is None else losses_bt * is_there_bt[:, 1:])
    return [
        tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, [v.value for v in network.trainable_variables])
    ]


@pytest.mark.slow
def test_the_norm_is_that_of_the_dense_gradient_though_symbols_repeat(start: Any) -> None:
    run = start()
    expected = np.sqrt(sum(np.sum(np.square(g, dtype=np.float64)) for g in naive_gradients(run)))
    assert make(run)(0.1)[1] == pytest.approx(expected, rel=1e-5)


def test_clipping_scales_the_gradient_to_the_norm(start: Any) -> None:
    """Seen through Adam's first slot, which is a tenth of the gradient after one step."""
    run = start("optimizer=adam")
    _, norm = make(run, clip_norm=0.01)(0.1)
    assert norm > 0.01
    slots = [np.array(v) for v in run.state.optimizer.variables if v.path.endswith("momentum")]
    assert np.sqrt(sum(np.sum(np.square(s)) for s in slots)) == pytest.approx(0.1 * 0.01, rel=1e-4)


def test_a_loss_that_is_not_finite_changes_no_weight(start: Any) -> None:
    run = start("training.ema_decay=0.9")
    variable = run.state.network.trainable_variables[-1]
    variable.assign(np.full(variable.shape, np.nan))
    before, averages = weights(run), [a.numpy() for a in run.state.ema]
    loss, _ = make(run, ema_decay=0.9)(0.1)
    assert np.isnan(loss)
    for old, new in zip(before, weights(run), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, average in zip(averages, run.state.ema, strict=True):
        np.testing.assert_array_equal(old, average)


def test_the_average_moves_by_its_decay_after_a_warmup(start: Any) -> None:
    run = start("training.ema_decay=0.2")
    expected = weights(run)
    update = make(run, ema_decay=0.2)
    for decay in (1 / 10, 2 / 11, 0.2, 0.2):
        update(0.1)
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, weights(run), strict=True)]
    for average, value in zip(run.state.ema, expected, strict=True):
        np.testing.assert_allclose(average, value, rtol=1e-4, atol=1e-6)


def test_the_rate_is_that_of_the_call(start: Any) -> None:
    run = start("optimizer=adam")
    before = weights(run)
    make(run)(0.0)
    for old, new in zip(before, weights(run), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
def test_clipping_by_value_cuts_each_number_of_the_gradient(start: Any) -> None:
    run = start("optimizer=sgd", "optimizer.momentum=0")
    gradients, before = naive_gradients(run), weights(run)
    limit = float(np.median(np.abs(gradients[0][gradients[0] != 0])))
    _, norm = make(run, clip_value=limit)(0.5)
    assert norm == pytest.approx(np.sqrt(sum(np.sum(np.square(g)) for g in gradients)), rel=1e-5)
    for old, new, gradient in zip(before, weights(run), gradients, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * np.clip(gradient, -limit, limit), rtol=1e-4, atol=1e-6)


def test_the_mean_gradient_of_batches_is_that_of_one_batch_of_all_their_windows(start: Any) -> None:
    """Two batches of two windows against one of four, each window from an empty state."""
    updated = []
    for shape, batch_size in (((2, 2), 2), ((1, 4), 4)):
        run = start("optimizer=sgd", "optimizer.momentum=0", f"training.batch_size={batch_size}")
        step = TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0)
        windows_abt = tf.constant(WINDOWS_BT.reshape(*shape, -1))
        loss, norm, _ = step(windows_abt, np.ones(shape, np.bool_), run.state.carried, 0.5)
        updated.append((loss, norm, weights(run)))
    (loss, norm, found), (expected_loss, expected_norm, expected) = updated
    assert (loss, norm) == pytest.approx((expected_loss, expected_norm), rel=1e-5)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_streams_go_on_from_batch_to_batch_but_those_that_begin_anew(start: Any) -> None:
    """Three batches in one update; the loss and the last states are those of a naive walk along them."""
    run = start("optimizer=sgd", "optimizer.momentum=0")
    network = run.state.network
    windows_abt = np.random.default_rng(1).integers(0, 10, size=(3, 4, 6), dtype=np.int32)
    starts_ab = np.array([[False] * 4, [True, False, False, True], [False, True, False, True]])
    start_states = tf.nest.map_structure(lambda s_bh: tf.ones_like(s_bh) * 0.5, run.state.carried)
    states, losses = start_states, []
    for windows_bt, starts_b in zip(windows_abt, starts_ab, strict=True):
        states = tf.nest.map_structure(lambda s_bh, b=starts_b: s_bh * (1.0 - np.float32(b[:, None])), states)
        logits_btv, states = network(windows_bt[:, :-1], states, training=True)
        losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(windows_bt[:, 1:], logits_btv))
    step = TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0)
    loss, _, found = step(tf.constant(windows_abt), starts_ab, start_states, 0.0)
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(states), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_gaps_count_as_nothing_whatever_stands_there(start: Any) -> None:
    """Three streams end within the windows, one of them at once. Characters count as much as in a full update."""
    updated = []
    for gap in (-1, -5):
        run = start("optimizer=sgd", "optimizer.momentum=0")
        windows_bt = np.array(WINDOWS_BT)
        windows_bt[0, 4:] = windows_bt[1, 2:] = windows_bt[2, 1:] = gap
        expected, before = naive_gradients(run, windows_bt >= 0), weights(run)
        step = TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0, is_padded=True)
        loss, norm, _ = step(tf.constant(windows_bt[None]), GO_ON_KB, run.state.carried, 0.5)
        updated.append((loss, norm, [value.tobytes() for value in weights(run)]))
        for old, new, gradient in zip(before, weights(run), expected, strict=True):
            np.testing.assert_allclose(new, old - 0.5 * gradient, rtol=1e-4, atol=1e-6)
        logits_btv, _ = start().state.network(WINDOWS_BT[:, :-1], run.state.carried)
        losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(WINDOWS_BT[:, 1:], logits_btv).numpy()
        assert loss == pytest.approx(losses_bt[windows_bt[:, 1:] >= 0].mean(), rel=1e-5)
    assert updated[0] == updated[1]


def test_an_update_of_several_batches_weighs_each_character_alike(start: Any) -> None:
    """One batch of two is full, the other has one character: of a sum of all, not of two means."""
    windows_abt = np.array(WINDOWS_BT).reshape(2, 2, -1)
    windows_abt[1, 0, 2:] = windows_abt[1, 1, 1:] = -1
    run = start("optimizer=sgd", "optimizer.momentum=0", "training.batch_size=2")
    step = TrainingStep(run.state, clip_norm=None, clip_value=None, ema_decay=0.0, is_padded=True)
    loss, norm, _ = step(tf.constant(windows_abt), np.ones((2, 2), np.bool_), run.state.carried, 0.0)
    whole = start()
    expected = naive_gradients(whole, windows_abt.reshape(4, -1) >= 0)
    logits_btv, _ = whole.state.network(WINDOWS_BT[:, :-1], whole.state.carried)
    losses_bt = tf.nn.sparse_softmax_cross_entropy_with_logits(WINDOWS_BT[:, 1:], logits_btv).numpy()
    assert loss == pytest.approx(losses_bt[windows_abt.reshape(4, -1)[:, 1:] >= 0].mean(), rel=1e-5)
    assert norm == pytest.approx(np.sqrt(sum(np.sum(np.square(g)) for g in expected)), rel=1e-5)
