"""The network against a naive one written out in numpy."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.model.lstm import LSTM, KerasLSTM
from charrnn_exp.model.network import Network, build_network, choose_layer, count_parameters, list_parameters

B, T, V = 2, 4, 7
IDS_BT = np.array([[0, 3, 6, 1], [5, 2, 2, 4]], np.int32)


def build(model: ModelConfig, *, precision: str = "float32", num_symbols: int = V, **changes: object) -> Network:
    return Network(num_symbols=num_symbols, model=dataclasses.replace(model, **changes), precision=precision, seed=3)


def randomise(network: Network) -> None:
    """Weights far from their small start, so that every gate matters."""
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.5, size=variable.shape))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def naive_logits(network: Network, ids_bt: np.ndarray) -> np.ndarray:
    """One character, one stream, one gate at a time."""
    weights = [np.asarray(v, np.float64) for v in network.trainable_variables]
    embedding_ve, *layers, output_hv, bias_v = weights
    logits_btv = np.zeros((*ids_bt.shape, embedding_ve.shape[0]))
    for b, ids_t in enumerate(ids_bt):
        sizes = [layers[i + 1].shape[0] for i in range(0, len(layers), 3)]
        states = [(np.zeros(h), np.zeros(h)) for h in sizes]
        for t, symbol in enumerate(ids_t):
            x = embedding_ve[symbol]
            for i, (hidden, cell) in enumerate(states):
                kernel, recurrent, bias = layers[3 * i : 3 * i + 3]
                gate_i, gate_f, gate_g, gate_o = np.split(x @ kernel + hidden @ recurrent + bias, 4)
                cell = sigmoid(gate_f) * cell + sigmoid(gate_i) * np.tanh(gate_g)
                hidden = sigmoid(gate_o) * np.tanh(cell)
                states[i] = (hidden, cell)
                x = hidden
            logits_btv[b, t] = x @ output_hv + bias_v
    return logits_btv


@pytest.mark.parametrize("num_layers", [1, 3])
def test_logits_equal_a_naive_numpy_lstm(small_model: ModelConfig, num_layers: int) -> None:
    network = build(small_model, num_layers=num_layers)
    randomise(network)
    logits_btv, _ = network(tf.constant(IDS_BT), network.empty_states(B))
    np.testing.assert_allclose(logits_btv, naive_logits(network, IDS_BT), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_streaming_logits_equal_whole_window_logits(small_model: ModelConfig, precision: str, tolerance: float) -> None:
    network = build(small_model, num_layers=2, precision=precision)
    randomise(network)
    whole_btv, whole_states = network(tf.constant(IDS_BT), network.empty_states(B))
    states = network.empty_states(B)
    for t in range(T):
        logits_b1v, states = network(tf.constant(IDS_BT[:, t : t + 1]), states)
        np.testing.assert_allclose(logits_b1v[:, 0], whole_btv[:, t], atol=tolerance)
    for (hidden_bh, cell_bh), (whole_hidden_bh, whole_cell_bh) in zip(states, whole_states, strict=True):
        np.testing.assert_allclose(hidden_bh, whole_hidden_bh, atol=tolerance)
        np.testing.assert_allclose(cell_bh, whole_cell_bh, atol=tolerance)


def test_two_halves_with_the_state_carried_equal_the_whole(small_model: ModelConfig) -> None:
    network = build(small_model)
    randomise(network)
    whole_btv, _ = network(tf.constant(IDS_BT), network.empty_states(B))
    first_btv, states = network(tf.constant(IDS_BT[:, :1]), network.empty_states(B))
    second_btv, _ = network(tf.constant(IDS_BT[:, 1:]), states)
    np.testing.assert_allclose(tf.concat([first_btv, second_btv], axis=1), whole_btv, atol=1e-5)


def test_gradient_equals_finite_differences_in_float64(small_model: ModelConfig) -> None:
    network = build(small_model, num_layers=2, precision="float64")
    randomise(network)
    targets_bt = np.roll(IDS_BT, -1, axis=1)
    states = [(h + 0.1, c - 0.2) for h, c in network.empty_states(B)]

    def find_loss() -> tf.Tensor:
        logits_btv, _ = network(tf.constant(IDS_BT), states, training=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets_bt, logits_btv))

    variables = [variable.value for variable in network.trainable_variables]
    with tf.GradientTape() as tape:
        loss = find_loss()
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]
    generator = np.random.default_rng(1)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        start = variable.numpy()
        for _ in range(5):
            place = tuple(int(generator.integers(size)) for size in start.shape)
            nudge = np.zeros_like(start)
            nudge[place] = 1e-6
            variable.assign(start + nudge)
            above = float(find_loss())
            variable.assign(start - nudge)
            below = float(find_loss())
            variable.assign(start)
            assert (above - below) / 2e-6 == pytest.approx(gradient[place], rel=1e-5, abs=1e-9), variable.path


@pytest.mark.parametrize("num_symbols", [65, 99, 5000])
def test_untrained_loss_is_the_logarithm_of_the_number_of_symbols(small_model: ModelConfig, num_symbols: int) -> None:
    network = build(small_model, num_symbols=num_symbols, embedding_dim=64, hidden_size=128)
    ids_bt = np.random.default_rng(0).integers(num_symbols, size=(16, 51), dtype=np.int32)
    logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.empty_states(16))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv))
    assert float(loss) == pytest.approx(math.log(num_symbols), rel=0.01)


def test_the_notebook_has_5373795_parameters(small_model: ModelConfig) -> None:
    network = build(small_model, num_symbols=99, embedding_dim=256, hidden_size=1024)
    counts = [count for _, _, count in list_parameters(network)]
    assert counts[0] == 25_344
    assert sum(counts[1:4]) == 5_246_976
    assert sum(counts[4:]) == 101_475
    assert count_parameters(network) == 5_373_795


def test_forget_bias_starts_at_one_and_the_recurrent_kernel_is_orthogonal(small_model: ModelConfig) -> None:
    network = build(small_model)
    _, kernel, recurrent_hz, bias_z, *_ = [np.asarray(v) for v in network.trainable_variables]
    np.testing.assert_array_equal(bias_z, [0] * 5 + [1] * 5 + [0] * 10)
    np.testing.assert_allclose(recurrent_hz @ recurrent_hz.T, np.eye(5), atol=1e-5)
    assert kernel.std() > 0


def test_equal_seeds_give_equal_weights_and_others_do_not(small_model: ModelConfig) -> None:
    first, second = build(small_model), build(small_model)
    other = Network(num_symbols=V, model=small_model, precision="float32", seed=4)
    for a, b in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.trainable_variables[0], other.trainable_variables[0])


def test_dropout_acts_in_training_only_and_keeps_the_mean(small_model: ModelConfig) -> None:
    network = build(small_model, dropout=0.4, hidden_size=64)
    still, _ = network(tf.constant(IDS_BT), network.empty_states(B), training=False)
    again, _ = network(tf.constant(IDS_BT), network.empty_states(B), training=False)
    dropped, _ = network(tf.constant(IDS_BT), network.empty_states(B), training=True)
    np.testing.assert_array_equal(still, again)
    assert not np.allclose(still, dropped)
    assert isinstance(network.dropouts[0], keras.layers.Dropout)
    assert network.dropouts[0].rate == 0.4


def test_states_and_logits_are_float32_in_bfloat16(small_model: ModelConfig) -> None:
    network = build(small_model, precision="bfloat16")
    logits_btv, states = network(tf.constant(IDS_BT), network.empty_states(B))
    assert {logits_btv.dtype, *(s.dtype for pair in states for s in pair)} == {tf.float32}
    assert {v.dtype for v in network.trainable_variables} == {"float32"}


@pytest.mark.parametrize(("gpu", "expected"), [(False, LSTM), (True, KerasLSTM)])
def test_a_gpu_gets_keras_layer_and_a_cpu_ours(gpu: bool, expected: type[LSTM]) -> None:
    assert choose_layer(gpu=gpu) is expected


@pytest.mark.parametrize(("gpus", "expected"), [([], LSTM), (["a GPU"], KerasLSTM)])
def test_a_run_gets_the_layer_of_the_machine_it_is_on(
    compose: Any, monkeypatch: pytest.MonkeyPatch, gpus: list[str], expected: type[LSTM]
) -> None:
    """There is no GPU here: only what TensorFlow says of the machine is replaced."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    network = build_network(compose("model.hidden_size=5", "model.num_layers=2"), num_symbols=V)
    assert [type(layer) for layer in network.recurrent] == [expected, expected]


def test_a_network_of_gpu_layers_has_the_same_weights_and_logits(small_model: ModelConfig) -> None:
    networks = [
        Network(num_symbols=V, model=small_model, precision="float32", seed=3, layer=layer)
        for layer in (LSTM, KerasLSTM)
    ]
    assert [v.path for v in networks[0].variables] == [v.path for v in networks[1].variables]
    first, second = (network(tf.constant(IDS_BT), network.empty_states(B))[0] for network in networks)
    np.testing.assert_allclose(first, second, atol=1e-5)
