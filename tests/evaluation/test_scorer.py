"""The scores of a whole text."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.evaluation import streams as module
from charrnn_exp.evaluation.blocks import BlockMeans
from charrnn_exp.evaluation.groups import group_characters
from charrnn_exp.evaluation.scorer import Scorer, measure
from charrnn_exp.evaluation.streams import Window
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests.model.naive import NaiveNetwork


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


def test_a_network_in_bfloat16_is_read_again_for_a_long_memory(small_model: SizedModel) -> None:
    """Memory of thousands of characters falls slowly from window to window, as rounding does not fall at all."""
    model = dataclasses.replace(small_model, hidden_size=64, embedding_dim=16)
    network = Network(num_symbols=7, model=model, precision="bfloat16", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.5, size=variable.shape))
    kernel, bias = (network.recurrent[0].weights_by_name[name] for name in ("kernel", "bias"))
    bias[64:128].assign(np.full(64, 7.6))
    kernel.assign(np.asarray(kernel) * np.repeat([1, 0.1, 1, 1], 64))
    network.recurrent[0].weights_by_name["recurrent_kernel"].assign(np.zeros((64, 256)))
    ids_n = make_text(60_001)
    assert Scorer(network, ids_n).loss() == pytest.approx(naive_loss(network, ids_n), abs=2e-3)


def test_a_network_in_bfloat16_is_not_read_again_for_its_rounding(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WINDOW_CHARACTERS", 100)
    model = dataclasses.replace(small_model, hidden_size=64, embedding_dim=16)
    network = Network(num_symbols=7, model=model, precision="bfloat16", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.15, size=variable.shape))
    ids_n = make_text(30_001)
    scorer, windows = Scorer(network, ids_n), []
    read = scorer._read

    def count(window: Window, states: Any) -> Any:
        windows.append(window)
        return read(window, states)

    monkeypatch.setattr(scorer, "_read", count)
    assert scorer.loss() == pytest.approx(naive_loss(network, ids_n), abs=2e-5)
    (streams,) = scorer._all_streams
    assert streams.num_windows < len(windows) <= 2 * streams.num_windows, "the first ones once more, not all five times"


@pytest.mark.parametrize("learned", [False, True], ids=["empty", "learned"])
def test_a_text_of_lines_is_scored_as_each_line_by_itself(small_model: SizedModel, learned: bool) -> None:
    """Symbol 0 is the line break, read before each line and predicted at its end; one line is long."""
    model = dataclasses.replace(small_model, learn_initial_state=learned)
    network = Network(num_symbols=7, model=model, precision="float32", seed=1, line_break=0)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=0.7, size=variable.shape))
    lengths = [*generator.integers(0, 30, size=400), 3_000]
    lines = [generator.integers(1, 7, size=length, dtype=np.uint8) for length in lengths]
    ids_n = np.concatenate([[0], *(np.r_[line_n, 0] for line_n in lines)]).astype(np.uint8)
    naive, total = NaiveNetwork(network), 0.0
    for line_n in lines:
        logits_tv = naive.read(np.r_[0, line_n].astype(np.int32))
        logits_tv -= logits_tv.max(axis=1, keepdims=True)
        logs_tv = logits_tv - np.log(np.exp(logits_tv).sum(axis=1, keepdims=True))
        total -= sum(logs_tv[t, symbol] for t, symbol in enumerate([*line_n, 0]))
    scores = Scorer(network, ids_n).score()
    assert scores is not None
    assert scores.num_characters == sum(lengths) + len(lengths)
    assert scores.loss == pytest.approx(total / scores.num_characters, abs=1e-6)


def test_each_part_is_scored_from_the_first_state(network: Network) -> None:
    ids_n, starts = make_text(5_003), (0, 1, 17, 2_001)
    parts = [part_n for part_n in np.split(ids_n, starts[1:]) if len(part_n) > 1]
    expected = np.average([naive_loss(network, part_n) for part_n in parts], weights=[len(p) - 1 for p in parts])
    scores = Scorer(network, ids_n, starts).score()
    assert scores is not None
    assert scores.num_characters == 5_003 - 4
    assert scores.loss == pytest.approx(expected, abs=2e-7)
    assert abs(naive_loss(network, ids_n) - expected) > 1e-5, "the parts do not differ from the whole"


@pytest.mark.parametrize(("length", "num_parts"), [(2, 2), (7_003, 2), (5_003, 2), (9_999, 3), (7_003, 16)])
def test_parts_read_at_once_score_as_the_whole_does_each_time_alike(
    network: Network, length: int, num_parts: int
) -> None:
    ids_n, starts = make_text(length), (0,) if length == 2 else (0, 1_000)
    groups = group_characters(ids_n, starts, Vocabulary(Unit.char, tuple(map(ord, "\n (2Aa\u0434"))))
    whole = Scorer(network, ids_n, starts, has_top=True, groups=groups).score()
    found = [Scorer(network, ids_n, starts, has_top=True, groups=groups, num_parts=num_parts).score() for _ in range(2)]
    assert whole is not None
    assert found[0] is not None
    assert found[0] == found[1]
    assert found[0].num_characters == whole.num_characters
    assert found[0].loss == pytest.approx(whole.loss, abs=1e-6)
    assert found[0].accuracy == pytest.approx(whole.accuracy, abs=2 / length), "a tie may fall to the other side"


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


def test_a_character_is_among_the_five_likeliest_if_fewer_than_five_have_a_larger_probability() -> None:
    """Few different logits, so that most are equal to some others."""
    generator = np.random.default_rng(5)
    logits_btv = generator.integers(4, size=(2, 301, 11)).astype(np.float32)
    targets_bt = generator.integers(11, size=(2, 301)).astype(np.int32)
    _, hits_bt, tops_bt, confidences_bt = measure(
        tf.transpose(logits_btv), tf.constant(targets_bt), has_top=True, has_confidences=True
    )
    assert (hits_bt == (np.argmax(logits_btv, axis=-1) == targets_bt)).numpy().all(), "of equal ones the first"
    expected = [
        [sum(each > logits_v[target] for each in logits_v) < 5 for logits_v, target in zip(*pair, strict=True)]
        for pair in zip(logits_btv, targets_bt, strict=True)
    ]
    assert tops_bt.numpy().tolist() == expected
    assert 0.2 < np.mean(expected) < 0.95
    p_btv = np.exp(logits_btv.astype(float))
    np.testing.assert_allclose(confidences_bt, (p_btv / p_btv.sum(axis=-1, keepdims=True)).max(axis=-1), rtol=1e-6)


def test_losses_of_thousands_of_symbols_are_exact() -> None:
    generator = np.random.default_rng(5)
    logits_btv = generator.normal(scale=4.0, size=(2, 7, 6_001)).astype(np.float32)
    targets_bt = generator.integers(6_001, size=(2, 7)).astype(np.int32)
    losses_bt, hits_bt, _, _ = measure(
        tf.transpose(logits_btv, [2, 1, 0]), tf.constant(targets_bt), has_top=False, has_confidences=False
    )
    exact_btv = logits_btv.astype(np.float64)
    totals_bt = np.log(np.exp(exact_btv).sum(axis=-1))
    expected_bt = totals_bt - np.take_along_axis(exact_btv, targets_bt[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(losses_bt, expected_bt, rtol=1e-6)
    assert hits_bt.numpy().tolist() == (exact_btv.argmax(axis=-1) == targets_bt).tolist()


@pytest.mark.parametrize(("length", "starts"), [(999, (0,)), (7_003, (0, 17, 2_001))])
def test_the_details_are_those_of_one_stream(network: Network, length: int, starts: tuple[int, ...]) -> None:
    ids_n = make_text(length)
    vocabulary = Vocabulary(Unit.char, tuple(map(ord, "\n (2Aa\u0434")))
    groups = group_characters(ids_n, starts, vocabulary)
    scores = Scorer(network, ids_n, starts, has_top=True, groups=groups).score()
    assert scores is not None
    assert scores.details is not None
    losses, hits, tops, confidences = [], [], [], []
    for part_n in np.split(ids_n, starts[1:]):
        ids_bt = part_n[None, :].astype(np.int32)
        logits_btv, _ = network(tf.constant(ids_bt[:, :-1]), network.first_states(1))
        p_nv = tf.nn.softmax(np.asarray(logits_btv, np.float64)[0]).numpy()
        p_n = p_nv[np.arange(len(p_nv)), ids_bt[0, 1:]]
        losses += (-np.log(p_n)).tolist()
        hits += (p_n == p_nv.max(axis=1)).tolist()
        tops += ((p_nv > p_n[:, None]).sum(axis=1) < 5).tolist()
        confidences += p_nv.max(axis=1).tolist()
    assert scores.top5_accuracy == pytest.approx(np.mean(tops), abs=2 / length)
    for name, grouping in groups.items():
        rows = {row.group: row for row in scores.details.by_group[name]}
        for number, label in enumerate(grouping.labels):
            chosen = grouping.group_p == number
            if not chosen.any():
                assert label not in rows
                continue
            assert rows[label].num_characters == chosen.sum()
            assert rows[label].loss.value == pytest.approx(np.mean(np.array(losses)[chosen]), abs=2e-6)
            for found, values in ((rows[label].accuracy, hits), (rows[label].top5_accuracy, tops)):
                assert found.value == pytest.approx(np.mean(np.array(values)[chosen]), abs=2 / chosen.sum())
    bins = np.ceil(np.array(confidences) * 15)
    gaps = [abs(np.sum((np.array(hits) - confidences)[bins == k])) for k in range(1, 16)]
    assert scores.details.calibration_error.value == pytest.approx(sum(gaps) / len(hits), abs=4 / length)


def test_neither_the_five_likeliest_nor_details_are_found_unless_asked_for(network: Network) -> None:
    scores = Scorer(network, make_text(99)).score()
    assert scores is not None
    assert (scores.top5_accuracy, scores.num_words, scores.details) == (None, None, None)
