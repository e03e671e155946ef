"""Names, classes and the map of symbols.

Axes: v vocabulary, e input features.
"""

import sys
import tracemalloc

import numpy as np

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.evaluation.insight.symbols import map_symbols, name_symbol, read_vectors
from charrnn_exp.model.size import SizedModel
from tests.evaluation.insight.networks import build

VECTORS_VE = np.random.default_rng(4).normal(size=(9, 5)) * np.array([1, 5, 2, 1, 3])


def test_the_map_has_the_two_directions_of_the_covariance_with_the_largest_variances() -> None:
    found = map_symbols(VECTORS_VE, np.arange(9), count=3)
    values, vectors = np.linalg.eigh(np.cov(VECTORS_VE.T))
    centred = VECTORS_VE - VECTORS_VE.mean(axis=0)
    for axis in (0, 1):
        expected = centred @ vectors[:, -1 - axis]
        sign = np.sign(expected @ found.points_v2[:, axis])
        np.testing.assert_allclose(sign * found.points_v2[:, axis], expected, atol=1e-9)
        assert abs(found.shares[axis] - values[-1 - axis] / values.sum()) < 1e-9


def test_neighbours_are_the_largest_cosines_of_others() -> None:
    shown = [7, 0, 4]
    found = map_symbols(VECTORS_VE, np.array(shown), count=3)
    for place, number in enumerate(shown):
        vector = VECTORS_VE[number]
        cosines = {
            other: vector @ each / np.linalg.norm(vector) / np.linalg.norm(each)
            for other, each in enumerate(VECTORS_VE)
            if other != number
        }
        best = sorted(cosines, key=lambda other: -cosines[other])[:3]
        assert found.neighbours_uk[place].tolist() == best
        np.testing.assert_allclose(found.cosines_uk[place], [cosines[other] for other in best])


def test_the_map_of_thousands_of_symbols_takes_no_square_of_them() -> None:
    vectors_ve = np.random.default_rng(4).normal(size=(4_000, 3))
    tracemalloc.start()
    try:
        map_symbols(vectors_ve, np.arange(160), count=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000 * 4_000 * 8 / 5


def test_a_map_of_one_symbol_or_of_equal_vectors_is_finite() -> None:
    for vectors in (np.ones((1, 3)), np.zeros((4, 3)), np.ones((4, 1))):
        found = map_symbols(vectors, np.arange(len(vectors)), count=2)
        assert np.all(np.isfinite(found.points_v2))
        assert found.points_v2.shape == (len(vectors), 2)


def test_the_vectors_are_the_embedding_or_the_kernel_of_one_hot_inputs(small_model: SizedModel) -> None:
    network = build(small_model)
    assert network.embedding is not None
    np.testing.assert_array_equal(read_vectors(network), network.embedding.embeddings.numpy())
    network = build(small_model, embedding_dim=None)
    np.testing.assert_array_equal(read_vectors(network), network.recurrent[0].weights_by_name["kernel"].numpy())


def test_every_character_has_a_name_that_can_be_seen() -> None:
    points = [*range(0x300), *range(0x4E00, 0x4E10), 0x1F600, 0x202E, 0xFEFF, 0xE000]
    vocabulary = Vocabulary(Unit.char, tuple(sorted(points)))
    for number in range(len(points)):
        name = name_symbol(vocabulary, number)
        assert name.strip() == name != ""
        assert name.isprintable()
    assert sys.maxunicode > max(points)


def test_bytes_are_named_by_their_number_where_they_are_no_ascii() -> None:
    vocabulary = Vocabulary(Unit.byte, (10, 65, 0xE9))
    assert [name_symbol(vocabulary, number) for number in range(3)] == ["line break", "A", "0xE9"]
