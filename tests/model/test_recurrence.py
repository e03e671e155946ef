"""The loop over time: ids instead of vectors, gradients by hand."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.model import recurrence
from charrnn_exp.model.cells.cell import Cell
from charrnn_exp.model.cells.gru import CELL as GRU
from charrnn_exp.model.cells.lstm import CELL as LSTM
from charrnn_exp.model.layers import Recurrent
from charrnn_exp.model.recurrence import run_on_ids
from tests.conftest import slow_after

B, T, E, H, V = 2, 4, 3, 5, 7
IDS_BT = np.array([[0, 3, 6, 1], [5, 2, 2, 4]], np.int32)


def make_layer(cell: Cell, num_inputs: int, **options: Any) -> tuple[Recurrent, tuple[Any, ...]]:
    """Return a layer with random weights and a state."""
    layer, generator = Recurrent(cell, H, seed=1, precision="float32", **options), np.random.default_rng(0)
    layer.build((None, None, num_inputs))
    for variable in layer.trainable_variables:
        variable.assign(generator.normal(scale=0.5, size=variable.shape))
    states = tuple(tf.constant(generator.normal(size=(B, H)), tf.float32) for _ in cell.state_names)
    return layer, states


def turn(inputs_bte: Any) -> Any:
    return tf.transpose(inputs_bte, [1, 2, 0])


def differentiate(outputs_of: Any, sources: list[Any]) -> list[np.ndarray]:
    """Return outputs and the gradients of the sum of their squares."""
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs_thb, _ = outputs_of()
        loss = tf.reduce_sum(outputs_thb**2)
    return [outputs_thb.numpy(), *(tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, sources))]


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for array, reference in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array, reference, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("cell", "embedding_dim"), slow_after(2, [(LSTM, 3), (LSTM, 5), (GRU, 5)]), ids=["gathered", "folded", "folded gru"]
)
def test_ids_equal_the_rows_of_the_embedding_they_pick(cell: Cell, embedding_dim: int) -> None:
    """v = 7 symbols: fewer than twice 5 features are folded into the kernel, more than twice 3 are gathered."""
    layer, states = make_layer(cell, embedding_dim)
    embedding_ve = tf.Variable(np.random.default_rng(2).normal(size=(V, embedding_dim)).astype(np.float32))
    sources = [embedding_ve, *(v.value for v in layer.trainable_variables), *states]
    ours = differentiate(lambda: layer.call_on_ids(IDS_BT, embedding_ve, states, training=True), sources)
    theirs = differentiate(lambda: layer(turn(tf.gather(embedding_ve, IDS_BT)), states, training=True), sources)
    assert_equal(ours, theirs)


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_one_hot_ids_equal_one_hot_vectors_however_the_kernel_is_read(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of few symbols by a product, of many by gathering rows."""
    layer, states = make_layer(cell, V, reads_symbols=True)
    sources = [*(v.value for v in layer.trainable_variables), *states]
    theirs = differentiate(lambda: layer(turn(tf.one_hot(IDS_BT, V)), states, training=True), sources)
    for max_one_hot in (V, V - 1):
        monkeypatch.setattr(recurrence, "MAX_ONE_HOT", max_one_hot)
        assert_equal(differentiate(lambda: layer.call_on_ids(IDS_BT, None, states, training=True), sources), theirs)


def test_a_gradient_without_training_is_a_bug_that_says_so() -> None:
    layer, states = make_layer(LSTM, E)
    with tf.GradientTape() as tape:
        outputs, _ = layer(tf.ones((T, E, B)), states)
        loss = tf.reduce_sum(outputs)
    with pytest.raises(AssertionError, match="training=True"):
        tape.gradient(loss, layer.weights_by_name["kernel"].value)


def test_the_layer_compiles_in_a_graph_for_a_thousand_steps() -> None:
    layer, _ = make_layer(LSTM, E)
    ids_bt = np.zeros((B, 1000), np.int32)
    states = (tf.zeros((H, B)), tf.zeros((H, B)))

    @tf.function
    def forward() -> Any:
        weights = {name: variable.value for name, variable in layer.weights_by_name.items()}
        return run_on_ids(LSTM, ids_bt, tf.ones((V, E)), weights, states, precision="float32", training=True)

    outputs_thb, _ = forward()
    assert outputs_thb.shape == (1000, H, B)
