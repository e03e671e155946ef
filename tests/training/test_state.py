"""What is saved of a model: its carried states by their names, and every seed."""

from typing import Any

import numpy as np
import pytest

EVERY_DROPOUT = (
    "model.dropout=0.3",
    "model.input_dropout=0.2",
    "model.output_dropout=0.4",
    "model.embedding_dropout=0.1",
    "model.weight_dropout=0.2",
    "model.variational_dropout=true",
)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("model=lstm", "model.num_layers=2"), ["0.hidden", "0.cell", "1.hidden", "1.cell"]),
        (("model=gru", "model.num_layers=2"), ["0.hidden", "1.hidden"]),
        (("model=rnn", "model.embedding_dim=null"), ["0.hidden"]),
    ],
)
def test_carried_states_are_saved_by_the_names_of_their_cell(
    start: Any, overrides: tuple[str, ...], expected: list[str]
) -> None:
    arrays = start(*overrides).state.training_arrays()
    assert [name.removeprefix("carried.") for name in arrays if name.startswith("carried.")] == expected


def test_whatever_moves_in_a_model_comes_back(start: Any) -> None:
    """Dropout seeds and carried states of every kind move on and are put back: the logits to come are the same."""
    switches = [f"model.{name}=true" for name in ("residual", "layer_norm", "tie_embeddings", "learn_initial_state")]
    state = start("model=gru", "model.num_layers=2", *switches, *EVERY_DROPOUT).state
    ids_bt = np.array([[0, 3, 6, 1, 1], [5, 2, 2, 4, 0], [1, 1, 3, 0, 2], [9, 8, 7, 6, 5]], np.int32)

    def advance() -> bytes:
        logits_btv, state.carried = state.network(ids_bt, state.carried, training=True)
        return logits_btv.numpy().tobytes()

    advance()
    weights, training = state.weight_arrays(), state.training_arrays()
    expected = advance()
    assert advance() != expected
    state.restore(weights, training)
    assert advance() == expected
    assert sum(name.startswith("network.") for name in training) == 6, "the seed of each dropout"
