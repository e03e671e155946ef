"""Each filter's row of probabilities beside its naive twin, for random rows, values and texts."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.filters.no_repeat_ngram_size import WINDOW
from charrnn_exp.sampling.filters.registry import FILTERS
from charrnn_exp.sampling.pick import pick
from tests.sampling.filters.naive import NAIVE

VALUES: dict[str, list[Any]] = {
    "top_k": [1, 3, 6],
    "top_p": [5e-324, 0.3, 0.9, 1.0],
    "min_p": [5e-324, 0.02, 0.3, 1.0],
    "typical_p": [5e-324, 0.2, 0.6, 0.95, 1.0],
    "repetition_penalty": [1.2, 3.0],
    "no_repeat_ngram_size": [2, 3, 4],
}
CASES = [(FILTERS.built_in[name], value) for name, values in VALUES.items() for value in values]


def remember(each: Filter, value: Any, ids_bt: np.ndarray) -> tuple[Any, ...]:
    """Return the arguments of a filter beside the log-probabilities, after these symbols."""
    argument = each.to_argument(value)
    if each.memory is None:
        return (argument,)
    advance, start = each.memory.advance, each.memory.start

    @tf.function(jit_compile=True, autograph=False)
    def read(ids_tb: Any) -> Any:
        def body(t: Any, memory: Any) -> Any:
            return t + 1, advance(memory, ids_tb[t], argument)

        return tf.while_loop(lambda t, _: t < len(ids_bt[0]), body, (tf.constant(0), start(len(ids_bt), argument)))[1]

    return argument, read(tf.constant(ids_bt.T, tf.int32))


@pytest.mark.parametrize(("each", "value"), CASES, ids=lambda value: getattr(value, "name", str(value)))
def test_a_filter_leaves_what_its_definition_leaves(each: Filter, value: Any) -> None:
    generator = np.random.default_rng(21)
    logits_bv = generator.normal(size=(60, 7)) * generator.choice([0.3, 1.0, 4.0], size=(60, 1))
    ids_bt = generator.integers(0, 3, size=(60, 70))  # of few symbols, so that sequences come again
    logs_bv = tf.nn.log_softmax(tf.constant(logits_bv, tf.float64))
    found_bv = np.exp(each.apply(logs_bv, *remember(each, value, ids_bt)).numpy())
    expected_bv = np.array(
        [
            NAIVE[each.name](np.exp(row).tolist(), value, ids_t.tolist())
            for row, ids_t in zip(logs_bv.numpy(), ids_bt, strict=True)
        ]
    )
    np.testing.assert_allclose(found_bv, expected_bv, rtol=1e-9, atol=1e-300)


def test_every_built_in_filter_is_here() -> None:
    assert set(VALUES) == set(NAIVE) == set(FILTERS.built_in)


def test_no_symbol_completes_a_sequence_twice_in_a_whole_text() -> None:
    each, n = FILTERS.built_in["no_repeat_ngram_size"], 3
    assert each.memory is not None
    generator, ids = np.random.default_rng(22), [0]
    memory = each.memory.start(1, n)
    for _ in range(120):
        memory = each.memory.advance(memory, tf.constant([ids[-1]]), n)
        logits_bv = tf.constant(generator.normal(size=(1, 6)), tf.float32)
        uniforms_b = tf.constant(generator.random(1, dtype=np.float32))
        ids.append(int(pick(logits_bv, uniforms_b, 1.0, [(each, n)], (memory,))[0]))
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    assert len(set(grams)) == len(grams)


def test_where_every_symbol_would_complete_a_sequence_none_is_ruled_out() -> None:
    each = FILTERS.built_in["no_repeat_ngram_size"]
    logs_bv = tf.math.log(tf.constant([[0.3, 0.7]], tf.float64))
    kept_bv = each.apply(logs_bv, *remember(each, 2, np.array([[0, 0, 1, 0, 0, 1, 1, 0]])))
    np.testing.assert_array_equal(kept_bv, logs_bv)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    each = FILTERS.built_in["no_repeat_ngram_size"]
    logs_bv = tf.math.log(tf.constant([[0.1, 0.2, 0.3, 0.4]], tf.float64))
    text_t = np.concatenate([[0, 3], np.tile([1, 2], WINDOW), [0]])  # 0 3 stood at the beginning alone
    for gap, is_ruled_out in ((0, False), (2 * WINDOW - (WINDOW - 3), True)):
        ids_t = np.concatenate([text_t[:2], text_t[2 + gap :]])
        kept_v = each.apply(logs_bv, *remember(each, 2, ids_t[None]))[0].numpy()
        assert np.isinf(kept_v[3]) == is_ruled_out, len(ids_t)


def test_greedy_text_obeys_the_filters_that_remember_it() -> None:
    each = FILTERS.built_in["no_repeat_ngram_size"]
    _, memory = remember(each, 2, np.array([[2, 1, 2]]))
    logits_bv = tf.constant([[0.0, 5.0, 3.0]])
    assert pick(logits_bv, tf.constant([0.5]), 0.0).numpy() == [1]
    assert pick(logits_bv, tf.constant([0.5]), 0.0, [(each, 2)], (memory,)).numpy() == [2]
    top_k = FILTERS.built_in["typical_p"]  # at temperature 0 the likeliest symbol is the only one
    assert pick(logits_bv, tf.constant([0.5]), 0.0, [(top_k, 0.1)]).numpy() == [1]
