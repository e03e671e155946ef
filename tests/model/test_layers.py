"""The recurrent layers against those of Keras."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell
from charrnn_exp.model.cells.gru import CELL as GRU
from charrnn_exp.model.cells.lstm import CELL as LSTM
from charrnn_exp.model.cells.rnn import CELL as RNN
from charrnn_exp.model.layers import KerasRecurrent, Recurrent, choose_layer
from tests.conftest import slow_after

B, T, E, H = 2, 4, 3, 5
CELLS = pytest.mark.parametrize("cell", [LSTM, GRU, RNN])
THEIRS: dict[Any, Any] = {LSTM: keras.layers.LSTM, GRU: keras.layers.GRU, RNN: keras.layers.SimpleRNN}


def make_inputs(cell: Cell = LSTM, b: int = B, t: int = T, e: int = E, h: int = H) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = {"x": (b, t, e), **{weight.name: weight.shape(e, h) for weight in cell.weights}}
    shapes |= {name: (b, h) for name in cell.state_names}
    return {name: generator.normal(scale=0.5, size=shape).astype(np.float32) for name, shape in shapes.items()}


def run(
    cell: Cell, layer: Any, values: dict[str, np.ndarray], outputs_of: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return outputs with last states, and the gradients of a sum in which each of them has a weight of its own."""
    for variable, name in zip(layer.trainable_variables, ("kernel", "recurrent_kernel", "bias"), strict=True):
        variable.assign(values[name])
    sources = [tf.constant(values[name]) for name in ("x", *cell.state_names)]
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
    values: dict[str, np.ndarray],
    precision: str,
    cell: Cell = LSTM,
    layer_class: type[Recurrent] = Recurrent,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    layer = layer_class(cell, values["hidden"].shape[1], seed=1, precision=precision)
    layer.build(values["x"].shape)

    def outputs_of(x: Any, *states: Any) -> list[Any]:
        outputs_thb, states = layer(tf.transpose(x, [1, 2, 0]), states, training=True)
        return [tf.transpose(outputs_thb, [2, 0, 1]), *states]

    return run(cell, layer, values, outputs_of)


def run_keras(
    values: dict[str, np.ndarray], dtype: str = "float32", cell: Cell = LSTM
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    layer = THEIRS[cell](values["hidden"].shape[1], return_sequences=True, return_state=True, dtype=dtype)
    layer.build(values["x"].shape)
    return run(cell, layer, values, lambda x, *states: layer(x, initial_state=list(states)))


@pytest.mark.parametrize(
    ("cell", "b", "t"), [(LSTM, 2, 4), (GRU, 2, 4), (RNN, 2, 4), *slow_after(0, [(LSTM, 1, 1), (LSTM, 3, 17)])]
)
def test_outputs_and_gradients_equal_keras(cell: Cell, b: int, t: int) -> None:
    values = make_inputs(cell, b=b, t=t)
    for ours, theirs in zip(run_ours(values, "float32", cell), run_keras(values, cell=cell), strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cell", slow_after(1, [LSTM, GRU, RNN]))
def test_the_layer_of_a_gpu_equals_the_one_of_a_cpu(cell: Cell) -> None:
    """Run on a CPU, where Keras computes without cuDNN: same weights, same interface, same numbers."""
    values = make_inputs(cell)
    theirs, ours = (run_ours(values, "float32", cell, layer_class) for layer_class in (KerasRecurrent, Recurrent))
    for arrays, references in zip(theirs, ours, strict=True):
        for array, reference in zip(arrays, references, strict=True):
            np.testing.assert_allclose(array, reference, atol=1e-5, rtol=1e-5)
    theirs, ours = (run_ours(values, "bfloat16", cell, layer_class) for layer_class in (KerasRecurrent, Recurrent))
    for arrays, references in zip(theirs, ours, strict=True):
        for array, reference in zip(arrays, references, strict=True):
            assert np.abs(array - reference).max() < 0.05 * np.abs(reference).max()
    layers = [layer_class(cell, H, seed=1, precision="float32") for layer_class in (Recurrent, KerasRecurrent)]
    for layer in layers:
        layer.build((None, None, E))
    for first, second in zip(*(layer.variables for layer in layers), strict=True):
        assert first.path == second.path
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("cell", [LSTM, GRU, RNN])
def test_the_layer_of_a_gpu_drops_the_weights_that_the_one_of_a_cpu_drops(cell: Cell) -> None:
    values = make_inputs(cell)
    found = {}
    for layer_class in (Recurrent, KerasRecurrent):
        layer = layer_class(cell, H, seed=1, precision="float32", weight_dropout=0.5)
        layer.build(values["x"].shape)
        inputs_teb = tf.transpose(values["x"], [1, 2, 0])
        states = tuple(tf.constant(values[name]) for name in cell.state_names)
        for drops in (True, False):
            outputs_thb, _ = layer(inputs_teb, states, training=True, drops=drops)
            found[layer_class, drops] = outputs_thb.numpy()
    for drops in (True, False):
        np.testing.assert_allclose(found[Recurrent, drops], found[KerasRecurrent, drops], atol=1e-5, rtol=1e-5)
    assert np.abs(found[Recurrent, True] - found[Recurrent, False]).max() > 0.01


def test_a_gpu_gets_keras_layer_and_a_cpu_ours() -> None:
    for cell in (LSTM, GRU, RNN):
        assert [choose_layer(cell, gpu=gpu) for gpu in (False, True)] == [Recurrent, KerasRecurrent]
    assert choose_layer(dataclasses.replace(LSTM, keras_layer=None), gpu=True) is Recurrent


@pytest.mark.parametrize(("cell", "t"), slow_after(1, [(LSTM, 9), (GRU, 9), (RNN, 3)]))
def test_bfloat16_errs_as_much_as_its_format_does(cell: Cell, t: int) -> None:
    """A bfloat16 has 8 bits: 2**-8 of each product, summed over 35 features and t steps; errors grow in plain cells."""
    values = make_inputs(cell, b=6, t=t, e=11, h=24)
    ours, theirs = run_ours(values, "bfloat16", cell), run_keras(values, cell=cell)
    for arrays, references in zip(ours, theirs, strict=True):
        for array, reference in zip(arrays, references, strict=True):
            assert np.abs(array - reference).max() < 0.03 * np.abs(reference).max()
    assert not np.array_equal(ours[0][0], theirs[0][0])


@pytest.mark.parametrize(
    ("b", "h"),
    [
        pytest.param(b, h, marks=[] if (b, h) in ((1, 1), (4, 2)) else pytest.mark.slow)
        for b in (1, 2, 3, 4)
        for h in (1, 2, 3, 4, 8)
    ],
)
def test_bfloat16_runs_at_the_smallest_sizes(b: int, h: int) -> None:
    outputs, gradients = run_ours(make_inputs(b=b, t=3, e=2, h=h), "bfloat16")
    for array in (*outputs, *gradients):
        assert np.isfinite(array).all()


@pytest.mark.slow
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
