"""Beam search beside exhaustive search and a naive twin."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.beam import BeamSearch
from charrnn_exp.sampling.stepper import first_states, quantize, step
from tests.conftest import slow_after
from tests.sampling.conftest import set_sampling

PROMPT_T = np.array([1, 3, 2], np.int32)
LENGTH = 5


@pytest.fixture(scope="module")
def network(small_model: SizedModel) -> Network:
    network = Network(num_symbols=4, model=small_model, precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    return network


@pytest.fixture(scope="module")
def scored(network: Network) -> dict[tuple[int, ...], float]:
    """The log-probability of each text of `LENGTH` symbols after the prompt, all 4^5 read side by side."""
    texts_bt = np.array(list(itertools.product(range(4), repeat=LENGTH)), np.int32)
    weights = quantize(network, num_streams=len(texts_bt))
    states, totals_b = first_states(weights, len(texts_bt)), np.zeros(len(texts_bt))
    read_bt = np.concatenate([np.tile(PROMPT_T, (len(texts_bt), 1)), texts_bt], axis=1)
    for t in range(read_bt.shape[1] - 1):
        logits_bv, states = step(weights, tf.constant(read_bt[:, t]), states)
        logs_bv = tf.nn.log_softmax(tf.cast(logits_bv, tf.float64)).numpy()
        if t >= len(PROMPT_T) - 1:
            totals_b += logs_bv[np.arange(len(read_bt)), read_bt[:, t + 1]]
    return {tuple(text.tolist()): float(total) for text, total in zip(texts_bt, totals_b, strict=True)}


def end_at(stop: tuple[int, ...], scored: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
    """Return the texts that end at the stop text, with the summed probability of all that begin with them."""
    ended: dict[tuple[int, ...], float] = {}
    for text, score in scored.items():
        ends = [i for i in range(len(stop), LENGTH + 1) if text[i - len(stop) : i] == stop]
        beginning = text[: ends[0]] if ends else text
        ended[beginning] = ended.get(beginning, 0.0) + np.exp(score)
    return {text: float(np.log(p)) for text, p in ended.items()}


def search_naively(scored: dict[tuple[int, ...], float], num_beams: int) -> tuple[int, ...]:
    """Keep the likeliest beginnings; the probability of one is the sum over all texts that begin so."""
    beams: list[tuple[int, ...]] = [()]
    for _ in range(LENGTH):
        longer = [(*beam, symbol) for beam in beams for symbol in range(4)]
        totals = {
            each: sum(np.exp(score) for text, score in scored.items() if text[: len(each)] == each) for each in longer
        }
        beams = sorted(longer, key=lambda each: -totals[each])[:num_beams]
    return beams[0]


def find(network: Network, num_beams: int, **arguments: Any) -> list[tuple[list[int], float]]:
    search = BeamSearch([network], set_sampling(), num_beams=num_beams)
    found = search.find(PROMPT_T, length=LENGTH, **arguments)
    assert all(text_t[:3].tolist() == PROMPT_T.tolist() for text_t, _ in found)
    return [(text_t[3:].tolist(), score) for text_t, score in found]


def test_with_a_beam_for_each_beginning_the_likeliest_texts_are_found(
    network: Network, scored: dict[tuple[int, ...], float]
) -> None:
    expected = sorted(scored.items(), key=lambda pair: -pair[1])[:9]
    found = find(network, 256, num_texts=9)
    assert [text for text, _ in found] == [list(text) for text, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=1e-6)


@pytest.mark.parametrize("num_beams", slow_after(1, [2, 1, 5]))
def test_fewer_beams_find_what_a_naive_search_finds(
    network: Network, scored: dict[tuple[int, ...], float], num_beams: int
) -> None:
    (text, score), *_ = find(network, num_beams, num_texts=1)
    assert text == list(search_naively(scored, num_beams))
    np.testing.assert_allclose(score, scored[tuple(text)], rtol=1e-6)


@pytest.mark.parametrize("stop", [(0,), (3, 1)])
def test_texts_that_end_at_the_stop_text_keep_their_place(
    network: Network, scored: dict[tuple[int, ...], float], stop: tuple[int, ...]
) -> None:
    expected = sorted(end_at(stop, scored).items(), key=lambda pair: -pair[1])[:40]
    found = find(network, 1000, num_texts=40, stop_ids_t=np.array(stop, np.int32))
    assert [text for text, _ in found] == [list(text) for text, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=1e-6)
    assert any(len(text) < LENGTH for text, _ in found)


def test_there_are_no_more_texts_than_there_are(network: Network) -> None:
    search = BeamSearch([network], set_sampling(), num_beams=30)
    assert len({tuple(text) for text, _ in search.find(PROMPT_T, length=2, num_texts=30)}) == 16


def test_filters_rule_texts_out_and_change_no_probability(
    network: Network, scored: dict[tuple[int, ...], float]
) -> None:
    sampling = replace(set_sampling(), no_repeat_ngram_size=2)
    found = BeamSearch([network], sampling, num_beams=300).find(PROMPT_T, length=LENGTH, num_texts=5)

    def is_allowed(text: tuple[int, ...]) -> bool:
        whole = [*PROMPT_T.tolist(), *text]
        pairs = list(itertools.pairwise(whole))
        return len(set(pairs)) == len(pairs)

    expected = sorted(((s, t) for t, s in scored.items() if is_allowed(t)), reverse=True)[:5]
    assert [tuple(text_t[3:].tolist()) for text_t, _ in found] == [text for _, text in expected]
    np.testing.assert_allclose([score for _, score in found], [score for score, _ in expected], rtol=1e-6)


@pytest.mark.slow
def test_pieces_of_a_long_search_join(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    search = BeamSearch([network], set_sampling(), num_beams=3)
    (whole, score), *_ = search.find(PROMPT_T, length=300, num_texts=1)
    assert len(whole) == 303
    monkeypatch.setattr("charrnn_exp.sampling.beam.PIECE_LENGTH", 7)
    from charrnn_exp.sampling.beam import _compile_search

    _compile_search.cache_clear()
    (pieces, again), *_ = BeamSearch([network], set_sampling(), num_beams=3).find(PROMPT_T, length=300, num_texts=1)
    _compile_search.cache_clear()
    np.testing.assert_array_equal(pieces, whole)
    assert again == pytest.approx(score, rel=1e-12)
