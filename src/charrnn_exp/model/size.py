"""The number of weights of a model, and the largest model within a budget; TensorFlow is not imported."""

import dataclasses
from bisect import bisect_right

from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.errors import UserError
from charrnn_exp.model.cells.registry import CELLS

LARGEST_HIDDEN_SIZE = 16_384
"""The upper bound of `model.hidden_size`."""


@dataclasses.dataclass(kw_only=True, slots=True)
class SizedModel(ModelConfig):
    """Settings of a model whose hidden_size is a number, and whose parameter_budget is off."""

    hidden_size: int


def resolve(model: ModelConfig, *, num_symbols: int) -> SizedModel:
    """Return the model with a hidden_size: the one set, or the largest within the budget.

    Args:
        model: checked settings.
        num_symbols: v.

    Raises:
        UserError: if the budget is too small for a single unit.
    """
    budget = model.parameter_budget
    if budget is None:
        assert model.hidden_size is not None, "the checks of settings demand one of the two"
        return _with_hidden_size(model, model.hidden_size)

    def count(h: int) -> int:
        return count_weights(_with_hidden_size(model, h), num_symbols=num_symbols)

    if count(1) > budget:
        raise UserError(
            f"model.parameter_budget must be at least {count(1)} (one unit a layer, {num_symbols} symbols), "
            f"got {budget}. Raise it, or lower model.embedding_dim."
        )
    largest = bisect_right(range(1, LARGEST_HIDDEN_SIZE + 1), budget, key=count)
    # The count grows with the size except where hidden_size equals embedding_dim, which needs no projection.
    if model.tie_embeddings and model.embedding_dim is not None and count(model.embedding_dim) <= budget:
        largest = max(largest, model.embedding_dim)
    return _with_hidden_size(model, largest)


def _with_hidden_size(model: ModelConfig, hidden_size: int) -> SizedModel:
    values = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    return SizedModel(**{**values, "hidden_size": hidden_size, "parameter_budget": None})


def count_weights(model: SizedModel, *, num_symbols: int) -> int:
    """Return the number of trainable weights of a model."""
    v, e, h = num_symbols, model.embedding_dim, model.hidden_size
    first_inputs = v if e is None else e
    cell = CELLS.find(model.cell)
    layers = cell.count_weights(first_inputs, h) + (model.num_layers - 1) * cell.count_weights(h, h)
    norms = 2 * h * model.num_layers if model.layer_norm else 0
    states = len(cell.state_names) * h * model.num_layers if model.learn_initial_state else 0
    embedding = 0 if e is None else v * e
    output = h * v
    if model.tie_embeddings:
        assert e is not None
        output = 0 if h == e else h * e
    return embedding + layers + norms + states + output + v
