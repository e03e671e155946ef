"""How far back a guess depends on its past: gradients against finite differences, losses against numpy.

Axes: b stream, t time.
"""

from typing import Any

import numpy as np
import pytest

from charrnn_exp.evaluation.insight import attribution
from charrnn_exp.evaluation.insight.attribution import (
    choose_places,
    find_gradient_norms,
    find_losses,
    measure_reach,
)
from charrnn_exp.model.size import SizedModel
from tests.conftest import slow_after
from tests.evaluation.insight import networks
from tests.evaluation.insight.networks import COUNTS, VARIANTS, Counting, Recording, V, build

IDS_T = np.random.default_rng(3).integers(0, V, 40).astype(np.uint8)
STEP = 1e-5


def find_log_probability(network: Any, start: int, place: int, added: Any = None) -> float:
    naive, ids_t = Recording(network, added=added), IDS_T[start:place].astype(np.int32)
    logits = (naive.read(ids_t) if network.line_break is None else naive.read_lines(ids_t, network.line_break))[-1]
    return float(logits[IDS_T[place]] - np.log(np.exp(logits).sum()))


@pytest.mark.slow
@pytest.mark.parametrize("line_break", [None, 2])
@pytest.mark.parametrize("variant", slow_after(1, VARIANTS), ids=str)
def test_gradient_norms_are_those_of_finite_differences_in_float64(
    small_model: SizedModel, variant: dict[str, Any], line_break: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "WARMUP", 4)
    network, places, farthest = build(small_model, line_break=line_break, **variant), np.array([12, 39]), 6
    norms_bt = find_gradient_norms(network, IDS_T, places, farthest=farthest)
    size = V if network.embedding is None else 3
    for row, place in zip(norms_bt, places, strict=True):
        start = place - farthest - 4
        for distance in (1, 2, 6):
            at = place - distance - start
            gradient = [
                find_log_probability(network, start, place, (at, STEP * unit))
                - find_log_probability(network, start, place, (at, -STEP * unit))
                for unit in np.eye(size)
            ]
            expected = np.linalg.norm(gradient) / (2 * STEP)
            assert row[distance - 1] == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("variant", slow_after(1, reversed(VARIANTS)), ids=str)
def test_no_gradient_goes_beyond_a_line_break(
    small_model: SizedModel, variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line break is the first symbol of its line: its own vector counts, none before it does."""
    monkeypatch.setattr(attribution, "WARMUP", 4)
    network, places, farthest = build(small_model, line_break=2, **variant), np.arange(11, 40), 7
    norms_bt = find_gradient_norms(network, IDS_T, places, farthest=farthest)
    num_cut = 0
    for norms_t, place in zip(norms_bt, places, strict=True):
        before = [int(distance) for distance in range(1, farthest + 1) if IDS_T[place - distance] == 2]
        last = before[0] if before else farthest
        assert np.all(norms_t[:last] > 0.0)
        assert np.all(norms_t[last:] == 0.0)
        num_cut += last < farthest
    assert num_cut > 5, "the test has nothing to see"


@pytest.mark.slow
@pytest.mark.parametrize("variant", slow_after(1, [VARIANTS[2], VARIANTS[0]]), ids=str)
def test_many_symbols_are_read_in_pieces_of_the_same_numbers(
    small_model: SizedModel, variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "WARMUP", 4)
    network, places = build(small_model, kind=Counting, **variant), np.arange(11, 40)
    norms_bt = find_gradient_norms(network, IDS_T, places, farthest=7)
    losses_b = find_losses(network, IDS_T, places, length=9)
    COUNTS.clear()
    monkeypatch.setattr(attribution, "MAX_LOGITS", 5 * V)
    np.testing.assert_allclose(find_gradient_norms(network, IDS_T, places, farthest=7), norms_bt, rtol=1e-5)
    np.testing.assert_allclose(find_losses(network, IDS_T, places, length=9), losses_b, rtol=1e-5)
    assert 0 < max(COUNTS) <= 5 * V


@pytest.mark.parametrize("length", [1, 5])
def test_losses_after_a_context_are_those_of_numpy_from_an_empty_state(small_model: SizedModel, length: int) -> None:
    network, places = build(small_model), np.array([9, 20, 39])
    expected = [networks.find_losses(network, IDS_T[place - length : place + 1])[-1] for place in places]
    np.testing.assert_allclose(find_losses(network, IDS_T, places, length=length), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_means_have_the_standard_errors_of_independent_places(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "WARMUP", 4)
    network = build(small_model)
    reach = measure_reach(network, IDS_T, farthest=3, longest=6, most_places=5)
    places = choose_places(40, before=7, most=5)
    norms = find_gradient_norms(network, IDS_T, places, farthest=3)
    assert reach.lengths == [1, 2, 4, 6]
    np.testing.assert_allclose(reach.norms_t, norms.mean(axis=0))
    np.testing.assert_allclose(reach.norm_errors_t, norms.std(axis=0, ddof=1) / np.sqrt(5))
    losses = find_losses(network, IDS_T, places, length=4)
    assert reach.num_places == 5
    assert reach.losses[2] == pytest.approx(losses.mean())
    assert reach.loss_errors[2] == pytest.approx(losses.std(ddof=1) / np.sqrt(5))


def test_places_lie_evenly_over_the_text_behind_what_they_need() -> None:
    assert choose_places(100, before=20, most=4).tolist() == [20, 40, 60, 80]
    assert choose_places(23, before=20, most=4).tolist() == [20, 21, 22]
