"""The network in integers against the network, and against a naive one with the same integers."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.stepper import (
    CHUNK,
    EXACT,
    HIDDEN_STEPS,
    StepWeights,
    _multiply,
    _quantize,
    first_states,
    quantize,
    step,
)
from tests.conftest import slow_after
from tests.model.naive import ROUND_AS_SAMPLER, NaiveNetwork

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
    return NaiveNetwork(network, **ROUND_AS_SAMPLER).read(ids_t).astype(np.float32)


NORMALISED: dict[str, Any] = {"layer_norm": True, "residual": True, "learn_initial_state": True, "num_layers": 3}
EVERYTHING: dict[str, Any] = {"cell": "gru", "tie_embeddings": True, **NORMALISED}
VARIANTS = pytest.mark.parametrize(
    "variant",
    [
        {"num_layers": 3},
        EVERYTHING,
        {"cell": "rnn", "num_layers": 2, "embedding_dim": None},
        *slow_after(
            0,
            [
                {"num_layers": 1},
                {"num_layers": 2, "hidden_size": 1},
                {"cell": "gru", "num_layers": 2, "learn_initial_state": True},
                {
                    "num_layers": 2,
                    "residual": True,
                    "tie_embeddings": True,
                    "embedding_dim": 5,
                    "learn_initial_state": True,
                },
                {"cell": "rnn", "layer_norm": True, "learn_initial_state": True},
            ],
        ),
    ],
    ids=["three", "everything", "one-hot rnn", "one", "one unit", "gru", "residual tied", "norm rnn"],
)


@VARIANTS
def test_a_step_equals_the_naive_one_with_the_same_rounding(small_model: SizedModel, variant: dict[str, Any]) -> None:
    network = build(small_model, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(2, T), dtype=np.int32)
    logits_btv = read(quantize(network, num_streams=2), ids_bt)
    expected_btv = np.stack([read_naively(network, ids_t) for ids_t in ids_bt])
    np.testing.assert_allclose(logits_btv, expected_btv, atol=5e-3, err_msg="more than a value rounded the other way")
    assert np.median(np.abs(logits_btv - expected_btv)) < 1e-5


@pytest.mark.slow
@VARIANTS
def test_a_step_of_lines_starts_anew_at_each_line_break(small_model: SizedModel, variant: dict[str, Any]) -> None:
    network = build(small_model, **variant)
    network.line_break = 2
    ids_bt = np.array([[2, 3, 6, 2, 1, 4, 2, 0], [5, 2, 2, 0, 1, 6, 3, 2]], np.int32)
    logits_btv = read(quantize(network, num_streams=2), ids_bt)
    naive = NaiveNetwork(network, **ROUND_AS_SAMPLER)
    expected_btv = np.stack([naive.read_lines(ids_t, 2) for ids_t in ids_bt])
    np.testing.assert_allclose(logits_btv, expected_btv, atol=5e-3, err_msg="more than a value rounded the other way")
    assert np.median(np.abs(logits_btv - expected_btv)) < 1e-5


@pytest.mark.parametrize(
    "variant",
    slow_after(1, [{"layer_norm": True, "residual": True}, *({"cell": name} for name in CELLS.built_in)]),
    ids=["norm", *CELLS.built_in],
)
def test_the_distribution_is_the_networks_to_a_hundred_thousandth_of_a_nat(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    network = build(small_model, hidden_size=64, num_layers=2, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(5, 40), dtype=np.int32)
    exact_btv, _ = network(tf.constant(ids_bt), network.first_states(5))
    log_p, log_q = (tf.nn.log_softmax(x).numpy() for x in (exact_btv, read(quantize(network, num_streams=5), ids_bt)))
    divergence_bt = np.sum(np.exp(log_p) * (log_p - log_q), axis=-1)
    assert 0 < divergence_bt.mean() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant",
    [
        {"hidden_size": 1024},
        EVERYTHING | {"hidden_size": 203, "num_layers": 1},
    ],
    ids=["large", "everything"],
)
def test_a_stream_has_the_same_bits_whatever_is_beside_it(small_model: SizedModel, variant: dict[str, Any]) -> None:
    """Over numbers of streams for which the libraries choose other kernels."""
    network = build(small_model, **variant)
    ids_bt = np.random.default_rng(3).integers(V, size=(33, T), dtype=np.int32)
    reference_btv = read(quantize(network, num_streams=1), ids_bt[:1])
    for num_streams in (2, 16, 33):
        logits_btv = read(quantize(network, num_streams=num_streams), ids_bt[:num_streams])
        np.testing.assert_array_equal(logits_btv[0], reference_btv[0])


@pytest.mark.parametrize("k", slow_after(3, [1, 64, 65, 1024, 2_048]))
@pytest.mark.parametrize("integers", [tf.int16, tf.float32], ids=["one stream", "many"])
def test_the_largest_sums_are_exact(k: int, integers: tf.DType) -> None:
    """Rows whose weights are equal, alone, and drawn, times hidden values of 1 with the signs of the weights."""
    generator = np.random.default_rng(5)
    weights_km = np.stack([np.ones(k), np.eye(k)[0], generator.normal(size=k), generator.standard_t(2, k)], 1)
    matrix = _quantize(tf.constant(weights_km, tf.float32), integers)
    integers_mk = np.concatenate([np.asarray(chunk, np.int64) for chunk in matrix.chunks], axis=1)
    hidden_kb = np.sign(integers_mk.T) * HIDDEN_STEPS
    exact_mb = integers_mk @ hidden_kb
    assert exact_mb.max() < 2**31
    chunks = [np.abs(integers_mk[:, i : i + CHUNK]).sum(axis=1) for i in range(0, k, CHUNK)]
    assert np.max(chunks) * HIDDEN_STEPS <= EXACT
    assert np.max(chunks) * HIDDEN_STEPS > 0.9 * EXACT, "coarser than need be"
    sums_mb = tf.function(_multiply, jit_compile=True, autograph=False)(matrix, tf.constant(hidden_kb, tf.float32))
    expected_mb = exact_mb.astype(np.int32).astype(np.float32) * matrix.scale_m1.numpy()
    np.testing.assert_array_equal(sums_mb, expected_mb)


def test_a_matrix_of_zeros_stays_one(small_model: SizedModel) -> None:
    network = build(small_model)
    network.output_layer.kernel.assign(np.zeros(network.output_layer.kernel.shape))
    bias_v = network.output_layer.bias.numpy()
    logits_btv = read(quantize(network, num_streams=1), np.array([[1, 4]], np.int32))
    np.testing.assert_array_equal(logits_btv[0], np.tile(bias_v, (2, 1)))
