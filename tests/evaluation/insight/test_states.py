"""States and gates of a network over a text, against numpy.

Axes: t time, h hidden units.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from charrnn_exp.evaluation.insight import states
from charrnn_exp.evaluation.insight.states import Trace, Tracer, find_gates, find_saturation
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests.conftest import slow_after
from tests.evaluation.insight.networks import VARIANTS, Recording, V, build
from tests.model.naive import sigmoid

IDS_T = np.random.default_rng(1).integers(0, V, 23).astype(np.int32)


def trace_states(network: Network, ids_t: npt.NDArray[np.int32]) -> Trace:
    return Tracer(network, len(ids_t)).trace(ids_t)


@pytest.mark.parametrize("variant", slow_after(2, reversed(VARIANTS)), ids=str)
def test_the_states_of_a_text_are_those_of_numpy_after_each_character(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    network = build(small_model, **variant)
    naive = Recording(network)
    naive.read(IDS_T)
    trace = trace_states(network, IDS_T)
    for layer, found in enumerate(trace.states, start=1):
        expected = [state for i, state in naive.states if i == layer]
        for place, (name, values_ht) in enumerate(found.items()):
            assert name == network.recurrent[0].cell.state_names[place]
            np.testing.assert_allclose(values_ht.T, [state[place] for state in expected], rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(trace.before[layer - 1][name][:, 1:], values_ht[:, :-1])
    names = trace.list_names()
    assert len(names) == len(trace.stack()) == 5 * len(network.recurrent) * len(network.recurrent[0].cell.state_names)
    for row, each in zip(trace.stack(), names, strict=True):
        np.testing.assert_array_equal(row, trace.states[each.layer - 1][each.state][each.unit])


def test_streams_after_the_first_read_what_stands_before_them(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "WARMUP", 6)
    network = build(small_model)
    trace = trace_states(network, IDS_T)  # three streams of 8, 8 and 7
    naive = Recording(network)
    naive.read(IDS_T[2:13])
    hidden_th = [state[0] for _, state in naive.states][6:]
    np.testing.assert_allclose(trace.states[0]["hidden"][:, 8:13].T, hidden_th, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", slow_after(1, reversed(VARIANTS)), ids=str)
def test_before_a_line_break_stand_the_first_states_and_after_it_those_of_its_line(
    small_model: SizedModel, variant: dict[str, Any]
) -> None:
    network = build(small_model, line_break=2, **variant)
    trace, naive = trace_states(network, IDS_T), Recording(network)
    naive.read_lines(IDS_T, 2)
    is_break_t = IDS_T == 2
    assert 1 < is_break_t.sum() < 20
    for layer, first in enumerate(network.first_states(1)):
        expected = [state for i, state in naive.states if i == layer + 1]
        for place, (name, values_ht) in enumerate(trace.states[layer].items()):
            np.testing.assert_allclose(values_ht.T, [state[place] for state in expected], rtol=1e-4, atol=1e-5)
            before_ht = np.concatenate([first[place].numpy().T, values_ht[:, :-1]], axis=1)
            before_ht[:, is_break_t] = first[place].numpy().T
            np.testing.assert_array_equal(trace.before[layer][name], before_ht)


@pytest.mark.parametrize("line_break", [None, 2])
@pytest.mark.parametrize("variant", [VARIANTS[0], VARIANTS[1], VARIANTS[3]], ids=str)
def test_the_gates_make_the_states_that_follow(
    small_model: SizedModel, variant: dict[str, Any], line_break: int | None
) -> None:
    network = build(small_model, line_break=line_break, **variant)
    trace = trace_states(network, IDS_T)
    weights = {name: np.asarray(each) for name, each in network.recurrent[0].weights_by_name.items()}
    for layer, gates in enumerate(find_gates(network, trace)):
        before, after = trace.before[layer], trace.states[layer]
        if network.recurrent[0].cell.name == "lstm":
            np.testing.assert_allclose(gates["output"] * np.tanh(after["cell"]), after["hidden"], atol=1e-5)
            candidates = (after["cell"] - gates["forget"] * before["cell"]) / gates["input"]
            assert np.abs(candidates).max() <= 1 + 1e-3
        else:
            new = (after["hidden"] - gates["update"] * before["hidden"]) / (1 - gates["update"])
            assert np.abs(new).max() <= 1 + 1e-3
        assert all(np.all((gate > 0) & (gate < 1)) for gate in gates.values())
    if network.recurrent[0].cell.name == "lstm" and not network.initial_states:
        inputs_th = np.asarray(network.input_vectors())[IDS_T]
        sums = (
            inputs_th @ weights["kernel"] + trace.before[0]["hidden"].T @ weights["recurrent_kernel"] + weights["bias"]
        )
        for place, name in ((0, "input"), (1, "forget"), (3, "output")):
            expected = sigmoid(sums[:, 5 * place : 5 * place + 5])
            np.testing.assert_allclose(find_gates(network, trace)[0][name].T, expected, atol=1e-5)


def test_saturation_is_the_share_of_values_beyond_a_tenth_and_nine_tenths(small_model: SizedModel) -> None:
    network = build(small_model)
    trace = trace_states(network, IDS_T)
    gates = find_gates(network, trace)[0]
    for each in find_saturation(network, trace):
        values = gates[each.gate]
        np.testing.assert_allclose(each.closed_h, [sum(v < 0.1 for v in row) / 23 for row in values])
        np.testing.assert_allclose(each.open_h, [sum(v > 0.9 for v in row) / 23 for row in values])
    assert {each.gate for each in find_saturation(network, trace)} == {"input", "forget", "output"}


def test_a_cell_that_declares_no_gates_has_none(small_model: SizedModel) -> None:
    network = build(small_model, cell="rnn")
    assert find_saturation(network, trace_states(network, IDS_T)) == []
