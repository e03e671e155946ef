"""Losses and guesses of a network, against numpy.

Axes: t time.
"""

from typing import Any

import numpy as np
import pytest

from charrnn_exp.evaluation.insight import guesses
from charrnn_exp.evaluation.insight.guesses import read_guesses, read_losses
from charrnn_exp.model.size import SizedModel
from tests.evaluation.insight.networks import COUNTS, VARIANTS, Counting, V, build, find_losses
from tests.model.naive import NaiveNetwork

IDS_T = np.random.default_rng(2).integers(0, V, 31).astype(np.uint8)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_losses_and_the_likeliest_symbols_are_those_of_numpy_in_windows(
    small_model: SizedModel, variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "WINDOW", 11)
    network = build(small_model, **variant)
    found = read_guesses(network, IDS_T, count=3)
    logits = NaiveNetwork(network).read(IDS_T[:-1].astype(np.int32))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.losses_p, find_losses(network, IDS_T), rtol=1e-4, atol=1e-5)
    for place, row in enumerate(probabilities):
        best = sorted(range(V), key=lambda symbol: -row[symbol])[:3]
        assert found.ids_pk[place].tolist() == best
        np.testing.assert_allclose(found.probabilities_pk[place], row[best], rtol=1e-4)


def test_losses_in_streams_are_those_after_the_characters_that_each_reads_before(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "WARMUP", 5)
    network = build(small_model)
    found = read_losses(network, IDS_T)  # six streams of five
    assert len(found) == 30
    np.testing.assert_allclose(found[:5], find_losses(network, IDS_T[:6]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[20:25], find_losses(network, IDS_T[15:26])[5:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("line_break", [None, 2])
def test_losses_of_many_symbols_are_read_in_windows_of_the_same_numbers(
    small_model: SizedModel, line_break: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "WARMUP", 5)
    network = build(small_model, kind=Counting, line_break=line_break)
    whole = read_losses(network, IDS_T)  # six streams of ten
    COUNTS.clear()
    monkeypatch.setattr(guesses, "MAX_LOGITS", 6 * V * 3)
    np.testing.assert_allclose(read_losses(network, IDS_T), whole, rtol=1e-5)
    assert 0 < max(COUNTS) <= 6 * V * 3


def test_a_short_text_is_one_stream(small_model: SizedModel) -> None:
    network = build(small_model)
    np.testing.assert_allclose(read_losses(network, IDS_T), find_losses(network, IDS_T), rtol=1e-4, atol=1e-5)
