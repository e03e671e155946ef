"""The network against a naive one written out in numpy."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.config.choices import Precision
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.layers import KerasRecurrent, Recurrent
from charrnn_exp.model.network import Network, build_network, count_parameters, list_parameters
from charrnn_exp.model.size import SizedModel, resolve
from tests.conftest import slow_after
from tests.model.naive import NaiveNetwork

B, T, V = 2, 4, 7
IDS_BT = np.array([[0, 3, 6, 1], [5, 2, 2, 4]], np.int32)


def build(
    model: SizedModel,
    *,
    precision: str = "float32",
    num_symbols: int = V,
    line_break: int | None = None,
    **changes: Any,
) -> Network:
    model = dataclasses.replace(model, **changes)
    return Network(num_symbols=num_symbols, model=model, precision=precision, seed=3, line_break=line_break)


def randomise(network: Network) -> None:
    """Weights far from their small start, so that every gate matters."""
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.5, size=variable.shape))


def naive_logits(network: Network, masks: Any = None) -> np.ndarray:
    """Masks: for each stream, see `NaiveNetwork.read`."""
    naive = NaiveNetwork(network)
    return np.stack([naive.read(ids_t, masks[b] if masks else None) for b, ids_t in enumerate(IDS_BT)])


EVERYTHING: dict[str, Any] = {
    "cell": "gru",
    "num_layers": 2,
    "layer_norm": True,
    "residual": True,
    "tie_embeddings": True,
    "learn_initial_state": True,
}
PLAIN_ONE_HOT: dict[str, Any] = {"cell": "rnn", "num_layers": 2, "embedding_dim": None}
VARIANTS = pytest.mark.parametrize(
    "variant",
    [
        {},
        {"num_layers": 3},
        EVERYTHING,
        PLAIN_ONE_HOT,
        {"num_layers": 2, "residual": True, "tie_embeddings": True, "embedding_dim": 5, "learn_initial_state": True},
        {"cell": "rnn", "num_layers": 2, "layer_norm": True, "embedding_dim": None, "learn_initial_state": True},
    ],
    ids=["one layer", "three layers", "everything", "plain one-hot", "residual tied", "norm one-hot"],
)


@VARIANTS
def test_logits_equal_those_of_naive_numpy(small_model: SizedModel, variant: dict[str, Any]) -> None:
    network = build(small_model, **variant)
    randomise(network)
    logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B))
    np.testing.assert_allclose(logits_btv, naive_logits(network), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("variant", [EVERYTHING, PLAIN_ONE_HOT], ids=["everything", "plain one-hot"])
def test_bfloat16_logits_are_those_of_naive_numpy_but_for_its_rounding(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    network = build(small_model, precision="bfloat16", **variant)
    randomise(network)
    logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B))
    expected = naive_logits(network)
    assert 0 < np.abs(logits_btv - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.parametrize("is_variational", [False, True])
def test_each_dropout_masks_what_it_says(small_model: SizedModel, is_variational: bool) -> None:
    """The masks are drawn once more from the seeds as they were, and given to the naive network."""
    rates: dict[str, Any] = {"dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.6, "embedding_dropout": 0.4}
    network = build(small_model, num_layers=2, variational_dropout=is_variational, residual=True, **rates)
    randomise(network)
    ones = {"embedding": (V, 3), "input": (T, 3, B), "1": (T, 5, B), "2": (T, 5, B)}
    layers = [network.embedding_dropout, network.input_dropout, *network.dropouts]
    seeds = [layer.seed_generator.state.numpy() for layer in layers]
    drawn = {
        name: np.asarray(layer(tf.ones(shape), training=True))
        for (name, shape), layer in zip(ones.items(), layers, strict=True)
    }
    for layer, seed in zip(layers, seeds, strict=True):
        layer.seed_generator.state.assign(seed)
    logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B), training=True)
    masks = [{name: mask if name == "embedding" else mask[..., b] for name, mask in drawn.items()} for b in range(B)]
    np.testing.assert_allclose(logits_btv, naive_logits(network, masks), rtol=1e-4, atol=1e-5)
    for (name, mask), rate in zip(drawn.items(), (0.4, 0.2, 0.3, 0.6), strict=True):
        assert set(np.unique(mask)) == {np.float32(0), np.float32(1) / np.float32(1 - rate)}, name
    assert (drawn["embedding"] == drawn["embedding"][:, :1]).all(), "whole vectors"
    is_locked = [(drawn[name] == drawn[name][:1]).all() for name in ("input", "1", "2")]
    assert is_locked == [is_variational] * 3
    assert len({drawn[name][0, :, :2].tobytes() for name in ("1", "2")}) == 2


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_dropout_of_weights_leaves_out_the_same_ones_at_each_step(small_model: SizedModel, cell: str) -> None:
    """The masks are drawn once more from the seeds as they were, and put into the weights."""
    network = build(small_model, cell=cell, num_layers=2, weight_dropout=0.5)
    randomise(network)
    kernels = [layer.weights_by_name["recurrent_kernel"] for layer in network.recurrent]
    seeds = [layer.weight_dropout.seed_generator.state for layer in network.recurrent]
    before = [seed.numpy() for seed in seeds]
    masks = [
        layer.weight_dropout(tf.ones(kernel.shape), training=True).numpy()
        for layer, kernel in zip(network.recurrent, kernels, strict=True)
    ]
    for seed, value in zip(seeds, before, strict=True):
        seed.assign(value)
    logits_btv, _ = network(tf.constant(IDS_BT), network.first_states(B), training=True)
    still_btv, _ = network(tf.constant(IDS_BT), network.first_states(B), training=False)
    assert np.abs(logits_btv - still_btv).max() > 0.1
    for kernel, mask in zip(kernels, masks, strict=True):
        assert set(np.unique(mask)) == {np.float32(0), np.float32(2)}
        kernel.assign(kernel.numpy() * mask)
    assert (masks[0] != masks[1]).any()
    np.testing.assert_allclose(logits_btv, naive_logits(network), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "precision", "tolerance"),
    [({"num_layers": 2}, "float32", 1e-5), ({"num_layers": 2}, "bfloat16", 0.05), (EVERYTHING, "float32", 1e-5)],
)
def test_streaming_logits_equal_whole_window_logits(
    small_model: SizedModel, variant: dict[str, Any], precision: str, tolerance: float
) -> None:
    network = build(small_model, precision=precision, **variant)
    randomise(network)
    whole_btv, whole_states = network(tf.constant(IDS_BT), network.first_states(B))
    states = network.first_states(B)
    for t in range(T):
        logits_b1v, states = network(tf.constant(IDS_BT[:, t : t + 1]), states)
        np.testing.assert_allclose(logits_b1v[:, 0], whole_btv[:, t], atol=tolerance)
    for array_bh, whole_bh in zip(tf.nest.flatten(states), tf.nest.flatten(whole_states), strict=True):
        np.testing.assert_allclose(array_bh, whole_bh, atol=tolerance)


@pytest.mark.parametrize(
    ("variant", "precision"),
    slow_after(1, [(EVERYTHING, "float32"), (EVERYTHING, "bfloat16"), (PLAIN_ONE_HOT, "float32"), ({}, "float32")]),
    ids=["everything", "everything in bfloat16", "plain one-hot", "one layer"],
)
def test_each_line_is_read_from_the_first_state(
    small_model: SizedModel, variant: dict[str, Any], precision: str
) -> None:
    """Symbol 2 is the line break: two within a stream, one at its start, one at its end, two in a row."""
    network = build(small_model, precision=precision, line_break=2, **variant)
    randomise(network)
    ids_bt = np.array([[2, 3, 6, 2, 1, 4, 2], [5, 2, 2, 0, 1, 6, 3]], np.int32)
    for training in (False, True):
        logits_btv, states = network(tf.constant(ids_bt), network.first_states(B), training=training)
        expected = np.stack([NaiveNetwork(network).read_lines(ids_t, 2) for ids_t in ids_bt])
        tolerance = 2e-5 if precision == "float32" else 0.03 * np.abs(expected).max()
        np.testing.assert_allclose(logits_btv, expected, rtol=1e-4, atol=tolerance)
    alone_btv, alone = network(tf.constant([[2]] * B), tf.nest.map_structure(lambda s: s + 9.0, states))
    again_btv, again = network(tf.constant([[2]] * B), network.first_states(B))
    np.testing.assert_array_equal(alone_btv, again_btv)
    for found, expected in zip(tf.nest.flatten(alone), tf.nest.flatten(again), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_two_halves_with_the_state_carried_equal_the_whole(small_model: SizedModel) -> None:
    network = build(small_model)
    randomise(network)
    whole_btv, _ = network(tf.constant(IDS_BT), network.first_states(B))
    first_btv, states = network(tf.constant(IDS_BT[:, :1]), network.first_states(B))
    second_btv, _ = network(tf.constant(IDS_BT[:, 1:]), states)
    np.testing.assert_allclose(tf.concat([first_btv, second_btv], axis=1), whole_btv, atol=1e-5)


@pytest.mark.parametrize("line_break", slow_after(1, [None, 2]), ids=["one text", "lines"])
@pytest.mark.parametrize(
    "variant",
    [{"gru": EVERYTHING, "rnn": PLAIN_ONE_HOT}.get(name, {"cell": name, "num_layers": 2}) for name in CELLS.built_in],
    ids=CELLS.built_in,
)
def test_gradient_equals_finite_differences_in_float64(
    small_model: SizedModel, variant: dict[str, Any], line_break: int | None
) -> None:
    network = build(small_model, precision="float64", line_break=line_break, **variant)
    randomise(network)
    targets_bt = np.roll(IDS_BT, -1, axis=1)

    def find_loss() -> tf.Tensor:
        states = tf.nest.map_structure(lambda array_bh: array_bh + 0.1, network.first_states(B))
        logits_btv, _ = network(tf.constant(IDS_BT), states, training=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets_bt, logits_btv))

    variables = [variable.value for variable in network.trainable_variables]
    with tf.GradientTape() as tape:
        loss = find_loss()
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]
    find_again = tf.function(find_loss, autograph=False)  # for a hundred times, faster as one graph
    generator = np.random.default_rng(1)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        start = variable.numpy()
        for _ in range(3):
            place = tuple(int(generator.integers(size)) for size in start.shape)
            nudge = np.zeros_like(start)
            nudge[place] = 1e-6
            variable.assign(start + nudge)
            above = float(find_again())
            variable.assign(start - nudge)
            below = float(find_again())
            variable.assign(start)
            assert (above - below) / 2e-6 == pytest.approx(gradient[place], rel=1e-5, abs=1e-9), variable.path


@pytest.mark.parametrize(
    ("num_symbols", "variant"),
    slow_after(
        4,
        [
            (5000, {}),
            (300, {"embedding_dim": None}),
            (65, {"tie_embeddings": True, "embedding_dim": 128, "layer_norm": True}),
            (65, {"layer_norm": True, "residual": True, "num_layers": 4}),
            (65, {}),
            (99, {}),
            (65, {"cell": "gru", "tie_embeddings": True, "residual": True, "num_layers": 2}),
            (65, {"cell": "rnn"}),
            (65, {"tie_embeddings": True, "embedding_dim": 128, "cell": "rnn"}),
        ],
    ),
)
def test_untrained_loss_is_the_logarithm_of_the_number_of_symbols(
    small_model: SizedModel, num_symbols: int, variant: dict[str, Any]
) -> None:
    network = build(small_model, num_symbols=num_symbols, **({"embedding_dim": 64, "hidden_size": 128} | variant))
    ids_bt = np.random.default_rng(0).integers(num_symbols, size=(16, 51), dtype=np.int32)
    logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.first_states(16))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv))
    assert float(loss) == pytest.approx(math.log(num_symbols), rel=0.01)


def test_the_notebook_has_5373795_parameters(small_model: SizedModel) -> None:
    network = build(small_model, num_symbols=99, embedding_dim=256, hidden_size=1024)
    counts = [count for _, _, count in list_parameters(network)]
    assert counts[0] == 25_344
    assert sum(counts[1:4]) == 5_246_976
    assert sum(counts[4:]) == 101_475
    assert count_parameters(network) == 5_373_795


def test_forget_bias_starts_at_one_and_the_recurrent_kernel_is_orthogonal(small_model: SizedModel) -> None:
    network = build(small_model)
    _, kernel, recurrent_hz, bias_z, *_ = [np.asarray(v) for v in network.trainable_variables]
    np.testing.assert_array_equal(bias_z, [0] * 5 + [1] * 5 + [0] * 10)
    np.testing.assert_allclose(recurrent_hz @ recurrent_hz.T, np.eye(5), atol=1e-5)
    assert kernel.std() > 0


def test_equal_seeds_give_equal_weights_and_others_do_not(small_model: SizedModel) -> None:
    first, second = build(small_model), build(small_model)
    other = Network(num_symbols=V, model=small_model, precision="float32", seed=4)
    for a, b in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.trainable_variables[0], other.trainable_variables[0])


def test_dropout_acts_in_training_only_and_keeps_the_mean(small_model: SizedModel) -> None:
    network = build(small_model, dropout=0.4, hidden_size=64)
    still, _ = network(tf.constant(IDS_BT), network.first_states(B), training=False)
    again, _ = network(tf.constant(IDS_BT), network.first_states(B), training=False)
    dropped, _ = network(tf.constant(IDS_BT), network.first_states(B), training=True)
    np.testing.assert_array_equal(still, again)
    assert not np.allclose(still, dropped)
    assert isinstance(network.dropouts[0], keras.layers.Dropout)
    assert network.dropouts[0].rate == 0.4


def test_states_and_logits_are_float32_in_bfloat16(small_model: SizedModel) -> None:
    network = build(small_model, precision="bfloat16")
    logits_btv, states = network(tf.constant(IDS_BT), network.first_states(B))
    assert {logits_btv.dtype, *(s.dtype for pair in states for s in pair)} == {tf.float32}
    assert {v.dtype for v in network.trainable_variables} == {"float32"}


@pytest.mark.parametrize(("gpus", "expected"), [([], Recurrent), (["a GPU"], KerasRecurrent)])
def test_a_run_gets_the_layer_of_the_machine_it_is_on(
    compose: Any, monkeypatch: pytest.MonkeyPatch, gpus: list[str], expected: type[Recurrent]
) -> None:
    """There is no GPU here: only what TensorFlow says of the machine is replaced."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    model = resolve(compose("model=gru", "model.hidden_size=5", "model.num_layers=2").model, num_symbols=V)
    network = build_network(model, num_symbols=V, precision=Precision.float32, seed=1)
    assert [type(layer) for layer in network.recurrent] == [expected, expected]
    of_lines = build_network(model, num_symbols=V, precision=Precision.float32, seed=1, line_break=2)
    assert [type(layer) for layer in of_lines.recurrent] == [Recurrent, Recurrent], "cuDNN starts nothing anew"


@pytest.mark.parametrize("variant", [{}, PLAIN_ONE_HOT])
def test_a_network_of_gpu_layers_has_the_same_weights_and_logits(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    model = dataclasses.replace(small_model, **variant)
    networks = [
        Network(num_symbols=V, model=model, precision="float32", seed=3, layer=layer)
        for layer in (Recurrent, KerasRecurrent)
    ]
    assert [v.path for v in networks[0].variables] == [v.path for v in networks[1].variables]
    first, second = (network(tf.constant(IDS_BT), network.first_states(B))[0] for network in networks)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_parameters_are_named_by_what_they_are_in_the_order_of_the_layers(small_model: SizedModel) -> None:
    network = build(small_model, **EVERYTHING | {"num_layers": 2})
    layer = ["kernel", "recurrent_kernel", "bias"]
    assert [name for name, _, _ in list_parameters(network)] == [
        "embedding/embeddings",
        *(f"gru_{i}/{name}" for i in (1, 2) for name in layer),
        *(f"norm_{i}/{name}" for i in (1, 2) for name in ("gamma", "beta")),
        *(f"initial_state_{i}/hidden" for i in (1, 2)),
        "output/projection",
        "output/bias",
    ]


def test_a_learned_first_state_starts_at_zero_and_stays_in_reach(small_model: SizedModel) -> None:
    network = build(small_model, learn_initial_state=True)
    assert all(not np.any(array_bh) for array_bh in network.first_states(B)[0])
    for variable in network.initial_states[0].trainable_variables:
        variable.assign(np.full(variable.shape, 3.0))
    ((hidden_bh, cell_bh),) = network.first_states(B)
    np.testing.assert_allclose(hidden_bh, np.full((B, 5), np.tanh(3.0)), rtol=1e-6)
    np.testing.assert_array_equal(cell_bh, np.full((B, 5), 3.0))


def test_without_training_no_dropout_acts(small_model: SizedModel) -> None:
    rates: dict[str, Any] = {"dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.6, "embedding_dropout": 0.4}
    rates["weight_dropout"] = 0.5
    networks = [build(small_model, **changes) for changes in ({}, rates)]
    first, second = (network(tf.constant(IDS_BT), network.first_states(B))[0] for network in networks)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_dropout_of_any_precision_drops_the_share_that_it_is_asked_for(small_model: SizedModel, precision: str) -> None:
    """Drawn in bfloat16 it would be 1/64; three million draws are off by 0.0003 once in ten million times."""
    network = build(small_model, precision=precision, dropout=0.01)
    ones_bth = tf.ones((30, 1000, 100), tf.bfloat16 if precision == "bfloat16" else tf.float32)
    dropped_bth = network.dropouts[0](ones_bth, training=True)
    assert abs(float(tf.reduce_mean(tf.cast(dropped_bth == 0.0, tf.float32))) - 0.01) < 0.0003
