"""10,000 random settings of all filters at once: every draw is a symbol of the vocabulary with some probability."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.sampling.filters.registry import FILTERS
from charrnn_exp.sampling.pick import advance_memories, find_filters, pick, start_memories
from tests.conftest import compose_once

pytestmark = pytest.mark.slow

NUM_SETTINGS = 10_000
TEMPERATURES = (0.0, 5e-324, 1e-310, 1e-45, 1e-9, 0.3, 1.0, 1.0, 7.0, 1e38, 1e300)


def draw_value(name: str, source: random.Random) -> Any:
    """Return a valid value of a filter: one of its declaration, or one in between."""
    each = FILTERS.built_in[name]
    low, high = min(each.valid), max(each.valid)
    if source.random() < 0.4:
        return source.choice(each.valid)
    return source.randint(low, min(high, 50)) if each.kind is int else source.uniform(low, min(high, 5.0))


def draw_logits(generator: np.random.Generator, num_streams: int, num_symbols: int) -> np.ndarray:
    """Return rows of any size, with ties, and with symbols of almost no chance."""
    logits_bv = generator.normal(size=(num_streams, num_symbols)) * generator.choice([0.0, 1e-30, 1.0, 30.0, 1e30])
    if generator.random() < 0.3:
        logits_bv = np.round(logits_bv)
    if generator.random() < 0.3:
        logits_bv[:, generator.integers(num_symbols)] -= 1e30
    return logits_bv.astype(np.float32)


def test_every_draw_is_a_symbol_of_the_vocabulary() -> None:
    source, generator = random.Random(31), np.random.default_rng(31)
    extremes = np.array([0.0, np.nextafter(np.float32(1), np.float32(0))], np.float32)
    num_on = []
    for _ in range(NUM_SETTINGS):
        num_streams, num_symbols = source.randint(1, 3), source.randint(2, 9)
        values = {name: draw_value(name, source) for name in FILTERS.built_in if source.random() < 0.5}
        filters = find_filters(replace(compose_once().sampling, **values))
        memories = start_memories(filters, num_streams)
        for _ in range(source.randint(0, 4)):
            ids_b = tf.constant(generator.integers(0, num_symbols, num_streams), tf.int32)
            memories = advance_memories(filters, memories, ids_b)
        logits_bv, temperature = draw_logits(generator, num_streams, num_symbols), source.choice(TEMPERATURES)
        uniforms_b = generator.random(num_streams, dtype=np.float32)
        if source.random() < 0.2:
            uniforms_b = generator.choice(extremes, num_streams)
        drawn_b = pick(tf.constant(logits_bv), tf.constant(uniforms_b), temperature, filters, memories).numpy()
        assert drawn_b.shape == (num_streams,)
        assert np.all((drawn_b >= 0) & (drawn_b < num_symbols)), (values, temperature, logits_bv)
        num_on.append(len(filters))
    assert max(num_on) == len(FILTERS.built_in)
