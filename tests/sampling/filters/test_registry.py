"""Every filter, by its declaration: its setting, its check, and its maths, which works on rows alone."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.config.checks.whole import find_problems
from charrnn_exp.config.schema import Config, SamplingConfig
from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.filters.registry import FILTERS
from charrnn_exp.sampling.pick import find_filters, pick
from tests.config.test_schema import read_field_docs
from tests.conftest import compose_once
from tests.sampling.filters.naive import CHI_SQUARE_1E6, MIDDLING, NAIVE

VALUES = [(each, value) for each in FILTERS.built_in.values() for value in each.valid]
IDS_BT = np.random.default_rng(4).integers(0, 13, size=(5, 9))
LOGITS_BV = np.random.default_rng(3).normal(size=(5, 13)) * 3


def set_filter(name: str, value: Any) -> Config:
    config = compose_once()
    return dataclasses.replace(config, sampling=dataclasses.replace(config.sampling, **{name: value}))


def compile_filter(each: Filter, value: Any) -> Any:
    """Return a function from logits, and the symbols before, to what the filter leaves of their log-probabilities."""

    @tf.function(jit_compile=True, autograph=False)
    def apply(value: Any, logits_bv: Any, ids_bt: Any) -> Any:
        if each.memory is None:
            return each.apply(tf.nn.log_softmax(logits_bv), value)
        memory = each.memory.start(logits_bv.shape[0], value)
        for t in range(ids_bt.shape[1]):
            memory = each.memory.advance(memory, ids_bt[:, t], value)
        return each.apply(tf.nn.log_softmax(logits_bv), value, memory)

    def call(logits_bv: np.ndarray, ids_bt: np.ndarray) -> np.ndarray:
        argument = each.to_argument(value)
        return apply(argument, tf.constant(logits_bv, tf.float64), tf.constant(ids_bt, tf.int32)).numpy()

    return call


@pytest.mark.parametrize("each", FILTERS.built_in.values(), ids=FILTERS.built_in)
def test_a_filter_has_a_setting_of_its_name_kind_and_meaning(each: Filter) -> None:
    (field,) = (field for field in dataclasses.fields(SamplingConfig) if field.name == each.name)
    assert field.type == (each.kind | None if each.default is None else each.kind)
    assert read_field_docs(SamplingConfig)[each.name] == each.meaning
    assert getattr(compose_once().sampling, each.name) == each.default


@pytest.mark.parametrize("each", FILTERS.built_in.values(), ids=FILTERS.built_in)
def test_a_filter_allows_its_valid_values_and_no_invalid_ones(each: Filter) -> None:
    assert each.valid
    for value in (*each.valid, each.default):
        assert find_problems(set_filter(each.name, value)) == []
    for value in (*each.invalid, *((math.nan, math.inf, -math.inf) if each.kind is float else ())):
        (line,) = find_problems(set_filter(each.name, value))
        assert line.startswith(f"sampling.{each.name} must be ")
        assert line.endswith(f", got {value}.")


@pytest.mark.parametrize(
    ("each", "value"),
    [pytest.param(each, value, marks=[] if value in each.valid[:1] else pytest.mark.slow) for each, value in VALUES],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_filter_works_on_each_row_alone_and_leaves_a_symbol(each: Filter, value: Any) -> None:
    apply = compile_filter(each, value)
    together_bv = apply(LOGITS_BV, IDS_BT)
    assert together_bv.shape == LOGITS_BV.shape
    assert np.isfinite(together_bv).any(axis=1).all()
    for row_v, logits_v, ids_t in zip(together_bv, LOGITS_BV, IDS_BT, strict=True):
        np.testing.assert_array_equal(apply(logits_v[None], ids_t[None])[0], row_v)


def test_filters_that_are_on_come_in_their_order_and_the_others_not_at_all() -> None:
    assert find_filters(compose_once().sampling) == []
    sampling = compose_once().sampling
    for each in FILTERS.built_in.values():
        sampling = dataclasses.replace(sampling, **{each.name: each.valid[0]})
    found = [each for each, _ in find_filters(sampling)]
    on = [each for each in FILTERS.built_in.values() if each.valid[0] != each.default]
    assert found == sorted(on, key=lambda each: (each.order, each.name))


@pytest.mark.slow
@pytest.mark.parametrize("each", [FILTERS.built_in[name] for name in NAIVE], ids=NAIVE)
def test_100_000_draws_follow_the_definition(each: Filter) -> None:
    """Chi-square beside a naive twin: fails by chance once in 10**6 a filter. The seed is fixed anyway."""
    value, logits_v = MIDDLING[each.name], (LOGITS_BV[0] / 3).astype(np.float32)
    num_draws, num_streams, ids_t = 100_000, 1_000, np.array([9, 9, 1, 9])
    memories: Any = ((),)
    if each.memory is not None:
        memory = each.memory.start(num_streams, value)
        for id_ in ids_t:
            memory = each.memory.advance(memory, tf.fill([num_streams], tf.constant(id_, tf.int32)), value)
        memories = (memory,)
    logits_bv = tf.tile(tf.constant(logits_v)[None], [num_streams, 1])
    found_v = np.zeros(13)
    for uniforms_b in np.random.default_rng(11).random([num_draws // num_streams, num_streams], dtype=np.float32):
        drawn_b = pick(logits_bv, tf.constant(uniforms_b), 0.9, [(each, value)], memories)
        found_v += np.bincount(drawn_b.numpy(), minlength=13)
    scaled_v = logits_v.astype(np.float64) / 0.9
    p_v = np.exp(scaled_v) / np.exp(scaled_v).sum()
    weights_v = np.array(NAIVE[each.name](p_v.tolist(), value, ids_t.tolist()))
    expected_v = weights_v / weights_v.sum()
    assert np.all((found_v > 0) <= (expected_v > 0))
    assert np.count_nonzero(expected_v) > 1
    kept_v = expected_v > 0
    statistic = np.sum((found_v[kept_v] - num_draws * expected_v[kept_v]) ** 2 / (num_draws * expected_v[kept_v]))
    assert statistic < CHI_SQUARE_1E6[np.count_nonzero(kept_v) - 1]
    assert not np.allclose(expected_v, p_v)
