"""Claims about arithmetic, on a well-trained model against its maths in float64.

Axes: b stream, t time, v vocabulary.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.evaluation.streams import Window
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.stepper import first_states, quantize, step
from tests import trained

WARMUP = 200
"""Characters that each stream reads first, unscored: an empty state is far from the trained ones."""


@pytest.fixture
def network(small_model: SizedModel) -> Network:
    return trained.build(small_model, "float32")


@pytest.fixture(scope="module")
def ids_bt() -> npt.NDArray[np.int32]:
    """32 streams of the validation text."""
    ids_n = trained.read_ids()
    starts_b = np.linspace(len(ids_n) * 9 // 10, len(ids_n) - 500, 32).astype(int)
    return ids_n[starts_b[:, None] + np.arange(500)].astype(np.int32)


@pytest.fixture(scope="module")
def exact_btv(ids_bt: npt.NDArray[np.int32]) -> trained.Array:
    return trained.find_log_probabilities(ids_bt)[:, WARMUP:]


def read_by_sampler(network: Network, ids_bt: npt.NDArray[np.int32]) -> trained.Array:
    weights = quantize(network, num_streams=len(ids_bt))

    @tf.function(jit_compile=True, autograph=False)
    def read(ids_tb: tf.Tensor) -> tf.Tensor:
        def body(t: tf.Tensor, states: tf.Tensor, stack: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits_bv, states = step(weights, ids_tb[t], states)
            return t + 1, states, stack.write(t, logits_bv)

        start = (0, first_states(weights, ids_tb.shape[1]), tf.TensorArray(tf.float32, ids_tb.shape[0]))
        return tf.while_loop(lambda t, *_: t < ids_tb.shape[0], body, start)[2].stack()

    return normalise(np.moveaxis(read(tf.constant(ids_bt.T)).numpy(), 0, 1))


def normalise(logits_btv: npt.NDArray[np.float32]) -> trained.Array:
    return tf.nn.log_softmax(logits_btv.astype(np.float64)).numpy()[:, WARMUP:]


def find_divergence(exact_btv: trained.Array, found_btv: trained.Array) -> float:
    """Return the mean Kullback-Leibler divergence, nats per character."""
    return float(np.mean(np.sum(np.exp(exact_btv) * (exact_btv - found_btv), axis=-1)))


@pytest.mark.slow
@pytest.mark.parametrize("num_characters", [30_000, 1_000_000])
def test_validation_in_many_streams_is_that_of_one_to_a_millionth(network: Network, num_characters: int) -> None:
    ids_n = trained.read_ids()[-num_characters:]
    assert Scorer(network, ids_n).loss() == pytest.approx(trained.find_loss(ids_n), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("num_characters", [30_000, 200_000])
def test_validation_in_bfloat16_ends_early_and_is_that_of_one_stream(
    small_model: SizedModel, num_characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding keeps two readings apart by 0.0025 nats for ever, and the loss from that of one stream by 0.00003."""
    ids_n = trained.read_ids()[-num_characters:]
    scorer, windows = Scorer(trained.build(small_model, "bfloat16"), ids_n), []
    read = scorer._read

    def count(window: Window, states: Any) -> Any:
        windows.append(window)
        return read(window, states)

    monkeypatch.setattr(scorer, "_read", count)
    expected = read_in_one_stream(trained.build(small_model, "bfloat16"), ids_n)
    assert scorer.loss() == pytest.approx(expected, abs=6e-5)
    (streams,) = scorer._all_streams
    assert streams.num_windows < len(windows) <= 2 * streams.num_windows


def read_in_one_stream(network: Network, ids_n: npt.NDArray[np.uint8]) -> float:
    total, states = 0.0, network.first_states(1)
    for begin in range(0, len(ids_n) - 1, 5_000):
        piece_n = ids_n[begin : begin + 5_001].astype(np.int32)
        logits_btv, states = network(tf.constant(piece_n[None, :-1]), states)
        total += float(tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(piece_n[None, 1:], logits_btv)))
    return total / (len(ids_n) - 1)


def test_the_sampler_moves_the_distribution_by_less_than_a_quarter_of_bfloat16(
    network: Network, small_model: SizedModel, ids_bt: npt.NDArray[np.int32], exact_btv: trained.Array
) -> None:
    rounded = trained.build(small_model, "bfloat16")
    rounded_btv = normalise(rounded(tf.constant(ids_bt), rounded.first_states(len(ids_bt)))[0].numpy())
    of_bfloat16 = find_divergence(exact_btv, rounded_btv)
    of_sampler = find_divergence(exact_btv, read_by_sampler(network, ids_bt))
    assert 1e-6 < of_sampler < of_bfloat16 / 4


def test_greedy_sampling_takes_the_symbol_that_float64_prefers_by_a_twentieth_of_a_nat(
    network: Network, ids_bt: npt.NDArray[np.int32], exact_btv: trained.Array
) -> None:
    """Below that lead a few of 9,600 symbols differ."""
    found_btv = read_by_sampler(network, ids_bt)
    second_bt, first_bt = np.moveaxis(np.sort(exact_btv, axis=-1)[..., -2:], -1, 0)
    differs_bt = found_btv.argmax(axis=-1) != exact_btv.argmax(axis=-1)
    assert not np.any(differs_bt & (first_bt - second_bt > 0.05))
    assert differs_bt.sum() < 0.005 * differs_bt.size


def test_bfloat16_does_not_round_the_logits(small_model: SizedModel, ids_bt: npt.NDArray[np.int32]) -> None:
    network = trained.build(small_model, "bfloat16")
    logits_btv = network(tf.constant(ids_bt), network.first_states(len(ids_bt)))[0].numpy()
    assert np.mean(round_to_bfloat16(logits_btv) == logits_btv) < 0.1
    features_hn = np.random.default_rng(7).normal(size=(trained.HIDDEN_SIZE, 6)).astype(np.float32)
    kernel_hv, bias_v = (variable.numpy() for variable in (network.output_layer.kernel, network.output_layer.bias))
    expected_vn = round_to_bfloat16(kernel_hv).astype(np.float64).T @ round_to_bfloat16(features_hn) + bias_v[:, None]
    np.testing.assert_allclose(network.output_layer(tf.constant(features_hn)), expected_vn, rtol=1e-5, atol=1e-5)


def round_to_bfloat16(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return tf.cast(tf.cast(array, tf.bfloat16), tf.float32).numpy()
