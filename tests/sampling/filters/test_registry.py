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
from charrnn_exp.sampling.pick import find_filters
from tests.config.test_schema import read_field_docs
from tests.conftest import compose_once

VALUES = [(each, value) for each in FILTERS.built_in.values() for value in each.valid]
LOGITS_BV = np.random.default_rng(3).normal(size=(5, 13)) * 3


def set_filter(name: str, value: Any) -> Config:
    config = compose_once()
    return dataclasses.replace(config, sampling=dataclasses.replace(config.sampling, **{name: value}))


def compile_filter(each: Filter, value: Any) -> Any:
    """Return a function from logits to what the filter leaves of their log-probabilities."""

    @tf.function(jit_compile=True, autograph=False)
    def apply(logits_bv: Any) -> Any:
        return each.apply(tf.nn.log_softmax(logits_bv), value)

    return lambda logits_bv: apply(tf.constant(logits_bv, tf.float64)).numpy()


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


@pytest.mark.parametrize(("each", "value"), VALUES, ids=lambda value: getattr(value, "name", str(value)))
def test_a_filter_works_on_each_row_alone_and_leaves_a_symbol(each: Filter, value: Any) -> None:
    apply = compile_filter(each, value)
    together_bv = apply(LOGITS_BV)
    assert together_bv.shape == LOGITS_BV.shape
    assert np.isfinite(together_bv).any(axis=1).all()
    for row_v, logits_v in zip(together_bv, LOGITS_BV, strict=True):
        np.testing.assert_array_equal(apply(logits_v[None])[0], row_v)


def test_filters_that_are_on_come_in_their_order_and_the_others_not_at_all() -> None:
    assert find_filters(compose_once().sampling) == []
    sampling = compose_once().sampling
    for each in FILTERS.built_in.values():
        sampling = dataclasses.replace(sampling, **{each.name: each.valid[0]})
    found = [each for each, _ in find_filters(sampling)]
    on = [each for each in FILTERS.built_in.values() if each.valid[0] != each.default]
    assert found == sorted(on, key=lambda each: (each.order, each.name))
