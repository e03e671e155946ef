"""The scores of a whole text."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.evaluation import streams as module
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.evaluation.scores import BlockMeans
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel


@pytest.fixture
def network(small_model: SizedModel) -> Network:
    network = Network(num_symbols=7, model=small_model, precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.7, size=variable.shape))
    return network


def make_text(length: int) -> np.ndarray:
    return np.random.default_rng(3).integers(7, size=length, dtype=np.uint8)


def naive_loss(network: Network, ids_n: np.ndarray) -> float:
    """One stream over the whole text, in one window."""
    ids_bt = ids_n[None, :].astype(np.int32)
    logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.first_states(1))
    return float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv)))


@pytest.mark.parametrize("length", [2, 17, 999])
def test_a_short_text_scores_as_one_stream_exactly(network: Network, length: int) -> None:
    ids_n = make_text(length)
    assert Scorer(network, ids_n).loss() == pytest.approx(naive_loss(network, ids_n), rel=1e-5)


def test_many_streams_score_as_one_stream_does(network: Network) -> None:
    ids_n = make_text(7_003)
    assert Scorer(network, ids_n).loss() == pytest.approx(naive_loss(network, ids_n), abs=2e-7)


def test_many_streams_score_as_one_stream_does_with_a_memory_longer_than_a_stream(network: Network) -> None:
    """A forget gate of 0.9995 keeps what was read for thousands of characters."""
    kernel, bias = (network.recurrent[0].weights_by_name[name] for name in ("kernel", "bias"))
    h = network.hidden_size
    bias[h : 2 * h].assign(np.full(h, 7.6))
    kernel.assign(np.asarray(kernel) * np.repeat([1, 0.1, 1, 1], h))
    network.recurrent[0].weights_by_name["recurrent_kernel"].assign(np.zeros((h, 4 * h)))
    ids_n = make_text(7_003)
    scorer = Scorer(network, ids_n)
    one = naive_loss(network, ids_n)
    cold = np.mean([naive_loss(network, ids_n[start : start + 876]) for start in range(0, 7_002, 875)])
    assert abs(cold - one) > 1e-3, "the memory is not long"
    assert scorer.loss() == pytest.approx(one, abs=1e-6)


def test_each_part_is_scored_from_the_first_state(network: Network) -> None:
    ids_n, starts = make_text(5_003), (0, 1, 17, 2_001)
    parts = [part_n for part_n in np.split(ids_n, starts[1:]) if len(part_n) > 1]
    expected = np.average([naive_loss(network, part_n) for part_n in parts], weights=[len(p) - 1 for p in parts])
    scores = Scorer(network, ids_n, starts).score()
    assert scores is not None
    assert scores.num_characters == 5_003 - 4
    assert scores.loss == pytest.approx(expected, abs=2e-7)
    assert abs(naive_loss(network, ids_n) - expected) > 1e-5, "the parts do not differ from the whole"


def test_the_result_does_not_depend_on_the_length_of_the_windows(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids_n = make_text(3_001)
    losses = []
    for length in (1_000, 31):
        monkeypatch.setattr(module, "MAX_WINDOW_CHARACTERS", length)
        losses.append(Scorer(network, ids_n).loss())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_all_scores_are_those_of_one_stream_and_the_loss_is_the_one_of_validation(network: Network) -> None:
    ids_n = make_text(1_999)
    ids_bt = ids_n[None, :].astype(np.int32)
    logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.first_states(1))
    hits = np.argmax(logits_btv.numpy(), axis=-1) == ids_bt[:, 1:]
    losses_n = tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv).numpy()[0]
    blocks = BlockMeans(len(losses_n))
    blocks.add(np.arange(len(losses_n)), losses_n)
    scorer = Scorer(network, ids_n)
    scores = scorer.score()
    assert scores is not None
    assert scores.loss == scorer.loss()
    assert scores.num_characters == 1_998
    assert scores.accuracy == pytest.approx(hits.mean(), abs=1 / 1_998), "a tie may fall to the other side"
    assert scores.standard_error == pytest.approx(blocks.find_standard_error(), rel=1e-5)


def test_a_stop_on_the_way_gives_no_scores(network: Network) -> None:
    scorer = Scorer(network, make_text(17))
    assert scorer.score(lambda: True) is None
    assert scorer.loss(lambda: True) is None


def test_scoring_leaves_weights_and_dropout_seeds_untouched(small_model: SizedModel) -> None:
    network = Network(num_symbols=7, model=small_model, precision="float32", seed=1)
    before = [np.array(v) for v in network.variables]
    Scorer(network, make_text(500)).loss()
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_scorer_sees_weights_that_change_after_it_was_built(network: Network) -> None:
    ids_n = make_text(100)
    scorer = Scorer(network, ids_n)
    first = scorer.loss()
    network.trainable_variables[0].assign(-np.asarray(network.trainable_variables[0]))
    assert scorer.loss() != first
    assert scorer.loss() == pytest.approx(naive_loss(network, ids_n), rel=1e-5)


def test_the_losses_of_the_blocks_are_those_of_their_characters(network: Network) -> None:
    """30 blocks of 233 or 234 of the 7,002 scored characters, read as one stream."""
    ids_n = make_text(7_003)
    scores = Scorer(network, ids_n).score()
    assert scores is not None
    assert scores.block_losses is not None
    ids_bt = ids_n[None, :].astype(np.int32)
    logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.first_states(1))
    losses_n = np.asarray(tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv))[0]
    edges = [-(-block * 7_002 // 30) for block in range(31)]
    means = [float(losses_n[first:stop].mean()) for first, stop in itertools.pairwise(edges)]
    assert scores.block_losses == pytest.approx(means, abs=2e-6)
    assert scores.standard_error == pytest.approx(float(np.std(scores.block_losses, ddof=1)) / 30**0.5)


def test_a_text_without_a_standard_error_has_no_losses_of_blocks(network: Network) -> None:
    scores = Scorer(network, make_text(999)).score()
    assert scores is not None
    assert (scores.standard_error, scores.block_losses) == (None, None)
