"""Counting weights without a network, and the largest that a budget pays for."""

import dataclasses
import itertools
from typing import Any

import pytest

from charrnn_exp.config.choices import Precision
from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.errors import UserError
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.network import Network, build_network, count_parameters
from charrnn_exp.model.size import LARGEST_HIDDEN_SIZE, SizedModel, count_weights, resolve
from tests.conftest import slow_after

V = 7
SWITCHES = ("residual", "layer_norm", "tie_embeddings", "learn_initial_state")


@pytest.mark.parametrize("cell", slow_after(1, CELLS.list_names()))
def test_the_count_is_that_of_the_built_network(small_model: SizedModel, cell: str) -> None:
    """For every combination of switches, with sizes that are equal, differ, or one-hot."""
    num_compared = 0
    for embedding_dim, values in itertools.product((3, 5, None), itertools.product((False, True), repeat=4)):
        switches: dict[str, Any] = dict(zip(SWITCHES, values, strict=True))
        if embedding_dim is None and switches["tie_embeddings"]:
            continue
        model = dataclasses.replace(small_model, cell=cell, embedding_dim=embedding_dim, num_layers=2, **switches)
        network = Network(num_symbols=V, model=model, precision="float32", seed=1)
        assert count_weights(model, num_symbols=V) == count_parameters(network), switches
        num_compared += 1
    assert num_compared == 40


def budget(model: ModelConfig, weights: int, **changes: Any) -> ModelConfig:
    return dataclasses.replace(model, hidden_size=None, parameter_budget=weights, **changes)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS.list_names())
def test_a_budget_pays_for_the_largest_size_within_it(small_model: SizedModel, cell: str, tied: bool) -> None:
    """Compared with trying every size; with tied embeddings of 40 the count falls where the projection goes."""
    changes: dict[str, Any] = {"cell": cell, "tie_embeddings": tied, "embedding_dim": 40}
    counts = {
        h: count_weights(dataclasses.replace(small_model, hidden_size=h, **changes), num_symbols=V)
        for h in range(1, 60)
    }
    for weights in sorted({count + extra for count in counts.values() for extra in (-1, 0, 1)})[1:-3]:
        found = resolve(budget(small_model, weights, **changes), num_symbols=V)
        assert found.hidden_size == max(h for h, count in counts.items() if count <= weights)
        same = dataclasses.replace(small_model, hidden_size=found.hidden_size, **changes)
        assert found == resolve(same, num_symbols=V)


def test_a_budget_too_small_for_one_unit_is_told_with_the_least_that_is_not(small_model: SizedModel) -> None:
    least = count_weights(dataclasses.replace(small_model, hidden_size=1), num_symbols=V)
    assert resolve(budget(small_model, least), num_symbols=V).hidden_size == 1
    with pytest.raises(UserError, match=rf"model.parameter_budget must be at least {least} .*, got {least - 1}\."):
        resolve(budget(small_model, least - 1), num_symbols=V)


def test_a_budget_without_end_gives_the_largest_size_there_is(small_model: SizedModel) -> None:
    assert resolve(budget(small_model, 10**15), num_symbols=V).hidden_size == LARGEST_HIDDEN_SIZE


def test_without_a_budget_the_model_stays_as_it_is(small_model: SizedModel) -> None:
    found = resolve(small_model, num_symbols=V)
    assert all(getattr(found, each.name) == getattr(small_model, each.name) for each in dataclasses.fields(small_model))


def test_a_run_with_a_budget_builds_the_network_that_it_pays_for(compose: Any) -> None:
    model = resolve(compose("model.hidden_size=null", "model.parameter_budget=1000").model, num_symbols=V)
    network = build_network(model, num_symbols=V, precision=Precision.float32, seed=1)
    sizes = [
        count_weights(dataclasses.replace(compose().model, hidden_size=network.hidden_size + more), num_symbols=V)
        for more in (0, 1)
    ]
    assert sizes[0] == count_parameters(network) <= 1000 < sizes[1]
