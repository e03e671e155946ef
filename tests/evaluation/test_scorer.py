"""The scores of a whole text."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.evaluation import scorer as module
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
    assert Scorer(network, ids_n).loss() == pytest.approx(naive_loss(network, ids_n), abs=1e-3)


def test_the_result_does_not_depend_on_the_length_of_the_windows(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids_n = make_text(3_001)
    losses = []
    for length in (1_000, 31):
        monkeypatch.setattr(module, "MAX_WINDOW_CHARACTERS", length)
        losses.append(Scorer(network, ids_n).loss())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("num_characters", [2, 3, 999, 1_001, 2_000, 170_001])
def test_every_character_but_the_first_is_scored_once_in_windows_of_one_size(num_characters: int) -> None:
    ids_n = np.arange(num_characters, dtype=np.uint32)
    streams = module._cut_streams(ids_n, num_symbols=7)
    scored, shapes = [], set()
    for window in streams.read_windows():
        is_scored_bt = window.weights_bt == 1.0
        targets_n = window.ids_bt[:, 1:][is_scored_bt]
        assert targets_n.tolist() == (window.positions_bt[is_scored_bt] + 1).tolist(), "here ids are positions"
        scored.append(targets_n)
        shapes.add(window.ids_bt.shape)
    np.testing.assert_array_equal(np.sort(np.concatenate(scored)), np.arange(1, num_characters))
    assert shapes == {(streams.num_streams, streams.length + 1)}


def test_each_stream_but_the_first_reads_a_hundred_characters_before_its_own() -> None:
    streams = module._cut_streams(np.zeros(7_003, np.uint8), num_symbols=7)
    assert streams.num_streams == 8
    assert streams.begins_b[0] == streams.firsts_b[0] == 0
    assert (streams.firsts_b - streams.begins_b)[1:].tolist() == [100] * 7
    assert streams.firsts_b[1:].tolist() == streams.lasts_b[:-1].tolist()


def test_windows_are_shorter_where_the_vocabulary_is_large() -> None:
    few = module._cut_streams(make_text(170_000), num_symbols=65).length
    many = module._cut_streams(make_text(170_000), num_symbols=5_000).length
    assert (few > 300, 64 * many * 5_000 <= module.MAX_LOGITS) == (True, True)


def test_cutting_windows_takes_the_memory_of_one(network: Network) -> None:
    ids_n = np.zeros(1 << 22, np.uint8)
    tracemalloc.start()
    try:
        for _ in module._cut_streams(ids_n, num_symbols=7).read_windows():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(ids_n) / 2


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
    # The second stream starts after 100 characters of warm-up: a tie may fall to the other side.
    assert scores.accuracy == pytest.approx(hits.mean(), abs=2 / 1_998)
    assert scores.standard_error == pytest.approx(blocks.find_standard_error(), rel=1e-2)


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
