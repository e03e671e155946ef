"""Several networks that speak as one.

Axes: b stream, t time, v vocabulary.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.ensemble import Ensemble, average_probabilities
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests.conftest import slow_after
from tests.model.naive import NaiveNetwork


@pytest.fixture
def networks(small_model: SizedModel) -> list[Network]:
    """Three that differ in their cells, sizes and weights."""
    models = [small_model, replace(small_model, cell="gru", hidden_size=4), replace(small_model, num_layers=2)]
    found = [Network(num_symbols=7, model=model, precision="float32", seed=1) for model in models]
    generator = np.random.default_rng(2)
    for network in found:
        for variable in network.trainable_variables:
            variable.assign(generator.normal(scale=0.7, size=variable.shape))
    return found


def find_mean(networks: list[Network], ids_t: np.ndarray) -> np.ndarray:
    """Return the mean of the probabilities_tv, by the maths written out in float64."""
    total = 0.0
    for network in networks:
        logits_tv = NaiveNetwork(network).read(ids_t)
        p_tv = np.exp(logits_tv)
        total = total + p_tv / p_tv.sum(axis=1, keepdims=True) / len(networks)
    return np.asarray(total)


@pytest.mark.slow
def test_an_ensemble_says_the_mean_of_the_probabilities(networks: list[Network]) -> None:
    ids_t, ensemble = np.array([3, 1, 4, 1, 5, 6, 2], np.int32), Ensemble(networks)
    log_p_btv, states = ensemble(tf.constant(ids_t[None, :4]), ensemble.first_states(1))
    more_btv, _ = ensemble(tf.constant(ids_t[None, 4:]), states)
    found_tv = np.exp(np.concatenate([log_p_btv[0], more_btv[0]]))
    np.testing.assert_allclose(found_tv, find_mean(networks, ids_t), atol=1e-6)


def test_an_ensemble_of_one_is_that_network(networks: list[Network]) -> None:
    ids_n = np.random.default_rng(3).integers(7, size=999, dtype=np.uint8)
    assert Scorer(Ensemble(networks[:1]), ids_n).loss() == pytest.approx(Scorer(networks[0], ids_n).loss(), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("length", slow_after(1, [999, 4_003]))
def test_a_text_is_scored_by_an_ensemble_as_by_one_stream_of_the_mean(networks: list[Network], length: int) -> None:
    ids_n = np.random.default_rng(3).integers(7, size=length, dtype=np.uint8)
    p_tv = find_mean(networks, ids_n[:-1].astype(np.int32))
    expected = -np.mean(np.log(p_tv[np.arange(length - 1), ids_n[1:]]))
    scores = Scorer(Ensemble(networks), ids_n).score()
    assert scores is not None
    assert scores.loss == pytest.approx(expected, abs=1e-6)
    assert scores.loss < max(loss for network in networks if (loss := Scorer(network, ids_n).loss()) is not None)


def test_probabilities_that_no_float_holds_are_averaged(networks: list[Network]) -> None:
    logits = [tf.constant([[0.0, -500.0]]), tf.constant([[-2.0, -400.0]])]
    found = average_probabilities(logits).numpy()[0]
    np.testing.assert_allclose(found, [0.0, -398.0 - np.log(2.0)], rtol=1e-6)
