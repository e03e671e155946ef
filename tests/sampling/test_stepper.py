"""The network in 8-bit integers against the network, and against a naive one with the same integers."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.stepper import Matrix, StepWeights, _multiply, choose_integers, first_states, quantize, step
from tests.model.naive import NaiveNetwork

V, T = 7, 9
compiled_step = tf.function(step, jit_compile=True, autograph=False)
Logits = npt.NDArray[np.float32]


def build(model: SizedModel, **changes: Any) -> Network:
    network = Network(num_symbols=V, model=dataclasses.replace(model, **changes), precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=1.5 / np.sqrt(variable.shape[0]), size=variable.shape))
    return network


def read(weights: StepWeights, ids_bt: npt.NDArray[np.int32]) -> Logits:
    """Return logits_btv of a text that is given."""
    states = first_states(weights, len(ids_bt))
    logits = []
    for t in range(ids_bt.shape[1]):
        logits_bv, states = compiled_step(weights, tf.constant(ids_bt[:, t]), states)
        logits.append(logits_bv.numpy())
    return np.stack(logits, axis=1)


def read_naively(network: Network, ids_t: npt.NDArray[np.int32]) -> Logits:
    """Return logits_tv in float64 NumPy, each matrix, hidden value and other feature rounded as the module says."""

    def round_by(array: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.round(array / scale) * scale

    naive = NaiveNetwork(
        network,
        round_matrix=lambda matrix: round_by(matrix, np.abs(matrix).max(axis=0) / 127),
        round_hidden=lambda hidden: np.round(hidden * 127) / 127,
        round_features=lambda features: round_by(features, np.abs(features).max() / 127),
    )
    return naive.read(ids_t).astype(np.float32)


NORMALISED: dict[str, Any] = {"layer_norm": True, "residual": True, "learn_initial_state": True, "num_layers": 3}
EVERYTHING: dict[str, Any] = {"cell": "gru", "tie_embeddings": True, **NORMALISED}
VARIANTS = pytest.mark.parametrize(
    "variant",
    [
        {"num_layers": 1},
        {"num_layers": 3},
        {"num_layers": 2, "hidden_size": 1},
        EVERYTHING,
        {"cell": "gru", "num_layers": 2, "learn_initial_state": True},
        {"cell": "rnn", "num_layers": 2, "embedding_dim": None},
        {"num_layers": 2, "residual": True, "tie_embeddings": True, "embedding_dim": 5, "learn_initial_state": True},
        {"cell": "rnn", "layer_norm": True, "learn_initial_state": True},
    ],
    ids=["one", "three", "one unit", "everything", "gru", "one-hot rnn", "residual tied", "norm rnn"],
)


@VARIANTS
def test_a_step_equals_the_naive_one_with_the_same_rounding(small_model: SizedModel, variant: dict[str, Any]) -> None:
    network = build(small_model, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(2, T), dtype=np.int32)
    logits_btv = read(quantize(network, tf.int8), ids_bt)
    for logits_tv, ids_t in zip(logits_btv, ids_bt, strict=True):
        np.testing.assert_allclose(logits_tv, read_naively(network, ids_t), atol=1e-4)


@pytest.mark.parametrize(
    "variant",
    [{"layer_norm": True, "residual": True}, *({"cell": name} for name in CELLS.built_in)],
    ids=["norm", *CELLS.built_in],
)
def test_the_distribution_is_the_networks_to_a_thousandth_of_a_nat(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    network = build(small_model, hidden_size=64, num_layers=2, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(5, 40), dtype=np.int32)
    exact_btv, _ = network(tf.constant(ids_bt), network.first_states(5))
    log_p, log_q = (tf.nn.log_softmax(x).numpy() for x in (exact_btv, read(quantize(network, tf.int8), ids_bt)))
    divergence_bt = np.sum(np.exp(log_p) * (log_p - log_q), axis=-1)
    assert 0 < divergence_bt.mean() < 1e-3


@pytest.mark.parametrize(
    ("integers", "variant"),
    [
        (tf.int8, {"hidden_size": 1024}),
        (tf.bfloat16, {"hidden_size": 1024}),
        pytest.param(tf.int8, EVERYTHING | {"hidden_size": 203, "num_layers": 1}, marks=pytest.mark.slow),
    ],
    ids=["int8", "bfloat16", "everything"],
)
def test_a_stream_has_the_same_bits_whatever_is_beside_it(
    small_model: SizedModel, integers: tf.DType, variant: dict[str, Any]
) -> None:
    """Over numbers of streams for which the libraries choose other kernels."""
    network = build(small_model, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(33, T), dtype=np.int32)
    reference_btv = read(quantize(network, tf.int8), ids_bt[:1])
    for num_streams in (2, 16, 33):
        logits_btv = read(quantize(network, integers), ids_bt[:num_streams])
        np.testing.assert_array_equal(logits_btv[0], reference_btv[0])


@pytest.mark.parametrize("integers", [tf.int8, tf.bfloat16], ids=["int8", "bfloat16"])
def test_the_largest_sum_of_1024_columns_is_exact_in_both_formats(integers: tf.DType) -> None:
    matrix = Matrix(tf.cast(tf.fill((4, 1024), 127), integers), tf.ones((4, 1)))
    multiply = tf.function(_multiply, jit_compile=True, autograph=False)
    sums_mb = multiply(matrix, tf.fill((1024, 3), 127.0))
    np.testing.assert_array_equal(sums_mb, np.full((4, 3), 1024 * 127 * 127, np.float32))


def test_a_matrix_of_zeros_stays_one(small_model: SizedModel) -> None:
    network = build(small_model)
    network.output_layer.kernel.assign(np.zeros(network.output_layer.kernel.shape))
    bias_v = network.output_layer.bias.numpy()
    logits_btv = read(quantize(network, tf.int8), np.array([[1, 4]], np.int32))
    np.testing.assert_array_equal(logits_btv[0], np.tile(bias_v, (2, 1)))


@pytest.mark.parametrize(
    ("num_streams", "precision", "expected"),
    [(1, "bfloat16", tf.int8), (15, "bfloat16", tf.int8), (16, "bfloat16", tf.bfloat16), (64, "float32", tf.int8)],
)
def test_bfloat16_is_chosen_for_many_streams_where_it_is_fast(
    num_streams: int, precision: str, expected: tf.DType
) -> None:
    assert choose_integers(num_streams, precision) == expected
