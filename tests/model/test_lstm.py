"""The fast layer against keras.layers.LSTM."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.model.lstm import LSTM, KerasLSTM, run_lstm_on_ids

B, T, E, H, V = 2, 4, 3, 5, 7


def make_inputs(b: int = B, t: int = T, e: int = E, h: int = H) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = {"x": (b, t, e), "kernel": (e, 4 * h), "recurrent": (h, 4 * h), "bias": (4 * h,), "h": (b, h), "c": (b, h)}
    return {name: generator.normal(scale=0.5, size=shape).astype(np.float32) for name, shape in shapes.items()}


def run(layer: Any, values: dict[str, np.ndarray], outputs_of: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return outputs with last states, and the gradients of a sum in which each of them has a weight of its own."""
    for variable, name in zip(layer.trainable_variables, ("kernel", "recurrent", "bias"), strict=True):
        variable.assign(values[name])
    sources = [tf.constant(values[name]) for name in ("x", "h", "c")]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        results = outputs_of(*sources)
        generator = np.random.default_rng(1)
        loss = sum(
            tf.reduce_sum(tf.cast(r, tf.float32) * generator.normal(size=r.shape).astype(np.float32)) for r in results
        )
    gradients = tape.gradient(loss, [*sources, *(v.value for v in layer.trainable_variables)])
    return [tf.cast(r, tf.float32).numpy() for r in results], [g.numpy() for g in gradients]


def run_ours(
    values: dict[str, np.ndarray], precision: str, layer_class: type[LSTM] = LSTM
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    layer = layer_class(values["h"].shape[1], seed=1, precision=precision)
    layer.build(values["x"].shape)

    def outputs_of(x: Any, h: Any, c: Any) -> list[Any]:
        outputs_bth, states = layer(x, (h, c), training=True)
        return [outputs_bth, *states]

    return run(layer, values, outputs_of)


def run_keras(values: dict[str, np.ndarray], dtype: str = "float32") -> tuple[list[np.ndarray], list[np.ndarray]]:
    layer = keras.layers.LSTM(values["h"].shape[1], return_sequences=True, return_state=True, dtype=dtype)
    layer.build(values["x"].shape)
    return run(layer, values, lambda x, h, c: layer(x, initial_state=[h, c]))


@pytest.mark.parametrize(("b", "t"), [(2, 4), (1, 1), (3, 17)])
def test_outputs_and_gradients_equal_keras(b: int, t: int) -> None:
    values = make_inputs(b=b, t=t)
    for ours, theirs in zip(run_ours(values, "float32"), run_keras(values), strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-5, rtol=1e-5)


def test_the_layer_of_a_gpu_equals_the_one_of_a_cpu() -> None:
    """Run on a CPU, where Keras computes without cuDNN: same weights, same interface, same numbers."""
    values = make_inputs()
    for ours, theirs in zip(run_ours(values, "float32", KerasLSTM), run_ours(values, "float32"), strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(run_ours(values, "bfloat16", KerasLSTM), run_ours(values, "bfloat16"), strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            assert np.abs(mine - reference).max() < 0.05 * np.abs(reference).max()
    layers = [layer_class(H, seed=1, precision="float32") for layer_class in (LSTM, KerasLSTM)]
    for layer in layers:
        layer.build((None, None, E))
    for first, second in zip(*(layer.variables for layer in layers), strict=True):
        assert first.path == second.path
        np.testing.assert_array_equal(first, second)


def test_bfloat16_errs_as_much_as_its_format_does() -> None:
    """A bfloat16 has 8 bits: 2**-8 of each product, summed over 35 features and 9 steps."""
    values = make_inputs(b=6, t=9, e=11, h=24)
    for ours, theirs in zip(run_ours(values, "bfloat16"), run_ours(values, "float32"), strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            assert np.abs(mine - reference).max() < 0.03 * np.abs(reference).max()
    assert not np.array_equal(run_ours(values, "bfloat16")[0][0], run_ours(values, "float32")[0][0])


@pytest.mark.parametrize(("b", "h"), [(b, h) for b in (1, 2, 3, 4) for h in (1, 2, 3, 4, 8)])
def test_bfloat16_runs_at_the_smallest_sizes(b: int, h: int) -> None:
    outputs, gradients = run_ours(make_inputs(b=b, t=3, e=2, h=h), "bfloat16")
    for array in (*outputs, *gradients):
        assert np.isfinite(array).all()


def test_bfloat16_errs_less_than_keras_bfloat16_does() -> None:
    """Against float64: ours sums in float32 and keeps the states in it, Keras' mixed precision rounds them."""
    values = make_inputs(b=6, t=30, e=11, h=24)
    exact = run_keras({name: value.astype(np.float64) for name, value in values.items()}, "float64")
    ours, theirs = run_ours(values, "bfloat16"), run_keras(values, "mixed_bfloat16")

    def find_error(found: tuple[list[np.ndarray], list[np.ndarray]], part: int) -> float:
        """Return the root mean square error of all outputs (part 0) or gradients (1), relative to their size."""
        pairs = list(zip(found[part], exact[part], strict=True))
        squares = sum(float(np.sum((mine - reference) ** 2)) for mine, reference in pairs)
        return float(np.sqrt(squares / sum(float(np.sum(reference**2)) for _, reference in pairs)))

    for part in (0, 1):
        assert find_error(ours, part) < find_error(theirs, part) < 0.05


@pytest.mark.parametrize("embedding_dim", [3, 5], ids=["gathered", "folded"])
def test_ids_equal_the_rows_of_the_embedding_they_pick(embedding_dim: int) -> None:
    """v = 7 symbols: fewer than twice 5 features are folded into the kernel, more than twice 3 are gathered."""
    values = make_inputs(e=embedding_dim)
    layer = LSTM(H, seed=1, precision="float32")
    layer.build((None, None, embedding_dim))
    embedding_ve = tf.Variable(np.random.default_rng(2).normal(size=(V, embedding_dim)).astype(np.float32))
    ids_bt = np.array([[0, 3, 6, 1], [5, 2, 2, 4]], np.int32)
    states = (tf.constant(values["h"]), tf.constant(values["c"]))
    results = []
    for outputs_of in (
        lambda: layer.call_on_ids(ids_bt, embedding_ve, states, training=True),
        lambda: layer(tf.gather(embedding_ve, ids_bt), states, training=True),
    ):
        with tf.GradientTape() as tape:
            outputs_bth, _ = outputs_of()
            loss = tf.reduce_sum(outputs_bth**2)
        sources = [embedding_ve, *(v.value for v in layer.trainable_variables)]
        gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, sources)]
        results.append([outputs_bth.numpy(), *gradients])
    for folded, gathered in zip(*results, strict=True):
        np.testing.assert_allclose(folded, gathered, atol=1e-5, rtol=1e-5)


def test_a_gradient_without_training_is_a_bug_that_says_so() -> None:
    layer = LSTM(H, seed=1, precision="float32")
    layer.build((None, None, E))
    with tf.GradientTape() as tape:
        outputs, _ = layer(tf.ones((B, T, E)), (tf.zeros((B, H)), tf.zeros((B, H))))
        loss = tf.reduce_sum(outputs)
    with pytest.raises(AssertionError, match="training=True"):
        tape.gradient(loss, layer.kernel.value)


def test_the_layer_compiles_in_a_graph_for_a_thousand_steps() -> None:
    layer = LSTM(H, seed=1, precision="float32")
    layer.build((None, None, E))
    weights = layer._weights()
    ids_bt = np.zeros((B, 1000), np.int32)
    states = (tf.zeros((H, B)), tf.zeros((H, B)))

    @tf.function
    def forward() -> Any:
        return run_lstm_on_ids(ids_bt, tf.ones((V, E)), weights, states, precision="float32", training=True)

    outputs_thb, _ = forward()
    assert outputs_thb.shape == (1000, H, B)
