"""A declaration whose facts contradict each other is refused when it is made."""

import dataclasses
from typing import Any

import pytest

from charrnn_exp.model.cells.cell import Weight
from charrnn_exp.model.cells.gru import CELL as GRU
from charrnn_exp.model.cells.lstm import CELL as LSTM
from charrnn_exp.model.cells.registry import CELLS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "LSTM"}, "the cell's name must match"),
        ({"name": "norm"}, "the cell's name must match .* be no other layer's, got 'norm'"),
        ({"state_names": ("cell", "hidden")}, "the first state must be hidden, got cell, hidden"),
        ({"weights": LSTM.weights * 2}, "the weights' names must match .* and differ"),
        ({"weights": LSTM.weights[1:]}, "the weights that read inputs must be 1 to 1, got 0"),
        ({"weights": (LSTM.weights[0],), "joins_products": False}, "that read hidden must be 1 to 1, got 0"),
        ({"weights": (*LSTM.weights, Weight("more", lambda e, h: (h,), "ones"))}, "that read ones must be 0 to 1"),
    ],
)
def test_facts_that_contradict_each_other_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(LSTM, **changes)


def test_a_count_of_weights_is_the_one_of_the_paper() -> None:
    e, h = 3, 5
    assert LSTM.count_weights(e, h) == 4 * h * (e + h + 1)
    assert GRU.count_weights(e, h) == 3 * h * (e + h + 2)


@pytest.mark.parametrize("name", CELLS.built_in)
def test_every_cell_says_what_it_is_and_where_it_is_from(name: str) -> None:
    meaning = CELLS.built_in[name].meaning
    assert meaning.endswith(".")
    assert any(year in meaning for year in ("19", "20"))
