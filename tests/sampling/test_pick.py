"""How logits become draws: temperature, filters, a draw."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.pick import find_filters, pick
from tests.conftest import slow_after
from tests.sampling.conftest import set_sampling

LOGITS_V = np.log([0.1, 0.2, 0.3, 0.4]).astype(np.float32)


def keep(top_k: int | None) -> list[tuple[Filter, Any]]:
    """Return the filters that are on."""
    return find_filters(set_sampling(top_k=top_k))


def draw(num_draws: int, *, temperature: float = 1.0, top_k: int | None = None) -> np.ndarray:
    uniforms = np.random.default_rng(5).random(num_draws, dtype=np.float32)
    logits_bv = tf.tile(tf.constant(LOGITS_V)[None, :], [num_draws, 1])
    return pick(logits_bv, tf.constant(uniforms), temperature, keep(top_k)).numpy()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax_of_the_scaled_logits(temperature: float) -> None:
    expected = np.exp(LOGITS_V / temperature) / np.exp(LOGITS_V / temperature).sum()
    found = np.bincount(draw(20_000, temperature=temperature), minlength=4) / 20_000
    # Six standard deviations of a share: fails by chance once in 10**8. The seed is fixed anyway.
    assert np.all(np.abs(found - expected) < 6 * np.sqrt(0.25 / 20_000))


def test_top_k_draws_only_from_the_k_largest() -> None:
    assert set(draw(2_000, top_k=2)) == {2, 3}


def test_top_k_above_the_vocabulary_changes_nothing() -> None:
    np.testing.assert_array_equal(draw(500, top_k=99), draw(500))


def test_top_k_draws_what_cutting_the_logits_draws() -> None:
    """The filter sees log-probabilities after the temperature; naively the logits are cut, then scaled."""
    generator = np.random.default_rng(6)
    logits_bv = generator.normal(size=(3_000, 7)).astype(np.float32) * 4
    uniforms_b = generator.random(3_000, dtype=np.float32)
    cut_bv = np.where(logits_bv < np.sort(logits_bv)[:, [-3]], -np.inf, logits_bv).astype(np.float64) / 0.7
    p_bv = np.exp(cut_bv - cut_bv.max(axis=1, keepdims=True))
    cumulative_bv = np.cumsum(p_bv / p_bv.sum(axis=1, keepdims=True), axis=1)
    expected_b = (cumulative_bv <= uniforms_b[:, None] * cumulative_bv[:, -1:]).sum(axis=1)
    # A draw would differ where a number lies within 1e-15 of a border: by chance once in 10**11.
    np.testing.assert_array_equal(pick(logits_bv, uniforms_b, 0.7, keep(3)), expected_b)


def test_temperature_zero_picks_the_largest() -> None:
    assert set(draw(100, temperature=0.0)) == {3}


def test_the_extreme_uniform_numbers_give_ids_that_exist_and_have_probability() -> None:
    logits_bv = tf.constant([[-50.0, 0.0, 1.0, -np.inf]] * 2, tf.float32)
    uniforms = tf.constant([0.0, np.nextafter(np.float32(1), np.float32(0))])
    np.testing.assert_array_equal(pick(logits_bv, uniforms, 1.0), [0, 2])


@pytest.mark.parametrize("temperature", slow_after(2, [1e-10, 5e-324, 1e-20, 1e-45, 1e-310]))
@pytest.mark.parametrize("top_k", [None, 2])
def test_a_tiny_temperature_draws_the_likeliest_symbol_compiled_and_not(temperature: float, top_k: int | None) -> None:
    filters, uniforms_b = keep(top_k), np.linspace(0, 0.999, 7, dtype=np.float32)
    logits_bv = np.stack([np.roll(LOGITS_V, i % 4) for i in range(7)]) * np.float32(1e-6)

    def pick_ids(logits_bv: tf.Tensor, uniforms_b: tf.Tensor) -> tf.Tensor:
        return pick(logits_bv, uniforms_b, temperature, filters)

    for function in (pick_ids, tf.function(pick_ids, jit_compile=True, autograph=False)):
        found_b = function(tf.constant(logits_bv), tf.constant(uniforms_b)).numpy()
        assert found_b.tolist() == np.argmax(logits_bv, axis=1).tolist()
