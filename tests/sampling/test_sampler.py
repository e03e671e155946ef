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
    return Sampler(network, set_sampling(temperature, top_k))


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
    pieces = list(build_sampler(network).stream(PROMPT_T, length=23, num_samples=1, seed=9))
    assert [piece.shape[1] for piece in pieces] == [4, 4, 4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1)[0], whole[0, 3:])


def test_a_prompt_longer_than_a_piece_is_read_whole(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sample(network, temperature=0.0)
    monkeypatch.setattr(module, "PIECE_LENGTH", 2)
    np.testing.assert_array_equal(sample(network, temperature=0.0), whole)


def test_a_sampler_sees_weights_that_change_after_it_was_built(network: Network) -> None:
    sampler, bias = build_sampler(network, temperature=0.0), network.trainable_variables[-1]
    arguments, before = {"length": 23, "num_samples": 1, "seed": 0}, bias.numpy()
    sampler.texts(PROMPT_T, **arguments)
    bias.assign(np.array([0, 0, 0, 0, 0, 1e6, 0]))
    after = sampler.texts(PROMPT_T, **arguments)[0][3:].tolist()
    bias.assign(before)
    assert after == [5] * 23
