"""Generation in one compiled loop."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling import sampler as module
from charrnn_exp.sampling.sampler import Sampler
from tests.conftest import slow_after
from tests.sampling.conftest import set_sampling

PROMPT_T = np.array([1, 4, 2], np.int32)


@pytest.fixture(scope="module")
def network(small_model: SizedModel) -> Network:
    network = Network(num_symbols=7, model=small_model, precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    return network


@functools.cache
def build_sampler(network: Network, temperature: float = 1.0, top_k: int | None = None) -> Sampler:
    """Return a sampler; what it has compiled serves all tests of its network."""
    return Sampler([network], set_sampling(temperature, top_k))


def sample(network: Network, *, temperature: float = 1.0, top_k: int | None = None, **changes: Any) -> np.ndarray:
    arguments = {"length": 23, "num_samples": 1, "seed": 9} | changes
    return np.stack(build_sampler(network, temperature, top_k).texts(PROMPT_T, **arguments))


def naive_greedy(network: Network, length: int) -> list[int]:
    """What follows the last symbol cannot change its logits: zeros keep the shape, and so one compiled network."""
    ids = PROMPT_T.tolist()
    for _ in range(length):
        padded = ids + [0] * (len(PROMPT_T) + length - len(ids))
        logits_btv, _ = network(np.array([padded], np.int32), network.first_states(1))
        ids.append(int(np.argmax(logits_btv[0, len(ids) - 1])))
    return ids


def test_greedy_text_equals_reading_everything_anew_for_each_character(network: Network) -> None:
    assert sample(network, temperature=0.0)[0].tolist() == naive_greedy(network, 23)


def test_the_prompt_comes_first_and_the_length_is_kept(network: Network) -> None:
    texts_bt = sample(network, num_samples=3)
    assert texts_bt.shape == (3, 3 + 23)
    np.testing.assert_array_equal(texts_bt[:, :3], np.tile(PROMPT_T, (3, 1)))


def test_equal_seeds_give_equal_texts_and_others_do_not(network: Network) -> None:
    np.testing.assert_array_equal(sample(network), sample(network))
    assert not np.array_equal(sample(network), sample(network, seed=10))


def test_a_text_is_the_same_alone_or_in_a_batch(network: Network) -> None:
    np.testing.assert_array_equal(sample(network)[0], sample(network, num_samples=5)[0])


def test_a_text_of_any_model_is_the_same_alone_or_in_a_batch(small_model: SizedModel) -> None:
    changes: dict[str, Any] = {"cell": "gru", "num_layers": 2, "hidden_size": 37, "learn_initial_state": True}
    model = dataclasses.replace(small_model, layer_norm=True, residual=True, tie_embeddings=True, **changes)
    network = Network(num_symbols=7, model=model, precision="float32", seed=1)
    texts_bt = sample(network, num_samples=5)
    np.testing.assert_array_equal(sample(network)[0], texts_bt[0])
    assert len(np.unique(texts_bt)) == 7


@pytest.mark.slow
def test_a_text_is_the_same_where_a_batch_is_multiplied_in_another_format(small_model: SizedModel) -> None:
    """From 16 streams on bfloat16 multiplies where the machine has it: the same whole numbers."""
    model = dataclasses.replace(small_model, hidden_size=200, num_layers=2)
    network = Network(num_symbols=7, model=model, precision="bfloat16", seed=1)
    alone_t = sample(network, length=600)[0]
    for num_samples in (2, 17):
        np.testing.assert_array_equal(sample(network, length=600, num_samples=num_samples)[0], alone_t)


def test_the_texts_of_a_batch_differ(network: Network) -> None:
    assert len({text.tobytes() for text in sample(network, num_samples=5)}) == 5


def test_pieces_join_to_the_same_text(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sample(network)
    monkeypatch.setattr(module, "PIECE_LENGTH", 4)
    arguments: dict[str, Any] = {"length": 23, "num_samples": 1, "seed": 9}
    for piece_length, length in ((None, 4), (3, 3)):
        found = build_sampler(network).stream(PROMPT_T, **arguments, piece_length=piece_length)
        pieces = [piece_t for (piece_t,) in found]
        assert [len(piece_t) for piece_t in pieces] == [length] * (23 // length) + [23 % length]
        np.testing.assert_array_equal(np.concatenate(pieces), whole[0, 3:])


def test_a_prompt_longer_than_a_piece_is_read_whole(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sample(network, temperature=0.0)
    monkeypatch.setattr(module, "PIECE_LENGTH", 2)
    np.testing.assert_array_equal(sample(network, temperature=0.0), whole)


def test_a_sampler_sees_weights_that_change_after_it_was_built(network: Network) -> None:
    sampler, bias = build_sampler(network, temperature=0.0), network.trainable_variables[-1]
    arguments: dict[str, Any] = {"length": 23, "num_samples": 1, "seed": 0}
    before = bias.numpy()
    sampler.texts(PROMPT_T, **arguments)
    bias.assign(np.array([0, 0, 0, 0, 0, 1e6, 0]))
    after = sampler.texts(PROMPT_T, **arguments)[0][3:].tolist()
    bias.assign(before)
    assert after == [5] * 23


def cut_naively(text_t: np.ndarray, stop_t: list[int]) -> list[int]:
    """Return the text up to the first place after the prompt where the stop text is complete."""
    ids = text_t.tolist()
    for end in range(len(PROMPT_T) + len(stop_t), len(ids) + 1):
        if ids[end - len(stop_t) : end] == stop_t:
            return ids[:end]
    return ids


@pytest.mark.parametrize("length", [1, 2, 5])
def test_each_text_ends_where_it_first_comes_to_the_stop_text(network: Network, length: int) -> None:
    whole = sample(network, num_samples=9, length=60)
    stop_t = whole[0, 20 : 20 + length].tolist()
    expected = [cut_naively(text_t, stop_t) for text_t in whole]
    assert any(len(text) < 63 for text in expected)
    arguments: dict[str, Any] = {"num_samples": 9, "seed": 9, "stop_ids_t": np.array(stop_t, np.int32), "length": 60}
    assert [text.tolist() for text in build_sampler(network).texts(PROMPT_T, **arguments)] == expected
    pieces = build_sampler(network).stream(PROMPT_T, **arguments, piece_length=1)
    joined = [np.concatenate(text) for text in zip(*pieces, strict=True)]
    assert [[*PROMPT_T.tolist(), *text.tolist()] for text in joined] == expected


def test_nothing_is_drawn_after_all_texts_have_ended(network: Network) -> None:
    (first,) = {int(sample(network, temperature=0.0)[0][3])}
    arguments: dict[str, Any] = {"num_samples": 2, "seed": 9, "stop_ids_t": np.array([first], np.int32)}
    pieces = list(build_sampler(network, 0.0).stream(PROMPT_T, length=10**7, piece_length=5, **arguments))
    assert [[piece_t.tolist() for piece_t in piece] for piece in pieces] == [[[first], [first]]]


def test_a_text_goes_on_from_a_position_as_if_it_had_been_read_at_once(network: Network) -> None:
    sampler = build_sampler(network, 0.0)
    whole = sample(network, temperature=0.0)[0]
    position = sampler.read(PROMPT_T)
    first_bt, position = sampler.draw(position, [np.random.default_rng(0)], num_steps=4)
    position = sampler.read(whole[7:9], position)  # what it would have drawn
    second_bt, _ = sampler.draw(position, [np.random.default_rng(0)], num_steps=5)
    np.testing.assert_array_equal(np.concatenate([first_bt[0], whole[7:9], second_bt[0]]), whole[3:14])


def test_several_networks_draw_from_the_mean_of_their_probabilities(network: Network, small_model: SizedModel) -> None:
    other = Network(num_symbols=7, model=small_model, precision="float32", seed=5)
    generator = np.random.default_rng(8)
    for variable in other.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    num_texts = 40
    drawn = Sampler([network, other], set_sampling(1.0)).texts(PROMPT_T, length=1, num_samples=num_texts, seed=3)
    logits = [
        each(PROMPT_T[None], each.first_states(1))[0].numpy()[0, -1].astype(np.float64) for each in (network, other)
    ]
    mean_v = np.mean([np.exp(each) / np.exp(each).sum() for each in logits], axis=0)
    uniforms = [np.random.default_rng([3, i]).random(1, dtype=np.float32)[0] for i in range(num_texts)]
    expected = [int((np.cumsum(mean_v) <= uniform).sum()) for uniform in uniforms]
    # The sampler rounds: a draw differs where a uniform number lies within 0.002 of a border, of which there are 6.
    assert sum(text[-1] != one for text, one in zip(drawn, expected, strict=True)) <= 3
    assert len(set(expected)) > 1


@pytest.mark.parametrize("name", slow_after(1, ["repetition_penalty", "no_repeat_ngram_size"]))
def test_a_text_of_a_filter_with_a_memory_is_the_same_alone_in_a_batch_and_in_pieces(
    network: Network, name: str
) -> None:
    changes: dict[str, Any] = {name: 2}
    sampling = dataclasses.replace(set_sampling(), **changes)
    sampler = Sampler([network], sampling)
    arguments: dict[str, Any] = {"length": 30, "seed": 9}
    together = sampler.texts(PROMPT_T, num_samples=5, **arguments)
    for i in range(2):
        pieces = sampler.stream(PROMPT_T, num_samples=i + 1, piece_length=7, **arguments)
        joined = [np.concatenate(text) for text in zip(*pieces, strict=True)]
        assert [text.tolist() for text in joined] == [text[3:].tolist() for text in together[: i + 1]]
    assert together[0].tolist() != sample(network, length=30)[0].tolist()
