"""Checks of the settings of the model."""

from collections.abc import Iterator

from charrnn_exp.config.checks.extra import find_cell_problems
from charrnn_exp.config.checks.ranges import at_least, between, share
from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.model.cells.registry import CELLS


def find_model_problems(model: ModelConfig) -> Iterator[str]:
    """Yield the problems of the settings of the model, one line each."""
    yield from find_cell_problems(model.cell, model.extra, CELLS, prefix="model.extra.")
    for field, most in (("embedding_dim", 16_384), ("hidden_size", 16_384), ("num_layers", 16)):
        value = getattr(model, field)
        if value is not None:
            yield from between(f"model.{field}", value, 1, most)
    for field in ("dropout", "input_dropout", "output_dropout", "embedding_dropout", "weight_dropout"):
        value = getattr(model, field)
        if value is not None:
            yield from share(f"model.{field}", value)
    is_usable = model.cell in CELLS and CELLS.find_problem(model.cell) is None
    if model.weight_dropout and is_usable and CELLS.find(model.cell).recurrent_kernel is None:
        yield (
            f"model.weight_dropout must be 0 when model.cell={model.cell} (it has no matrix from state to state), "
            f"got {model.weight_dropout}."
        )
    match model.hidden_size, model.parameter_budget:
        case None, None:
            yield "model.hidden_size must be a number when model.parameter_budget is null, got null."
        case int(size), int(budget):
            yield (
                f"model.hidden_size must be null when model.parameter_budget={budget}, got {size}. "
                "Keep one of them: model.hidden_size=null."
            )
    if model.parameter_budget is not None:
        yield from at_least("model.parameter_budget", model.parameter_budget, 1)
    if model.embedding_dim is None:
        for field, off in (("tie_embeddings", False), ("embedding_dropout", 0.0), ("input_dropout", 0.0)):
            if (value := getattr(model, field)) != off:
                yield (
                    f"model.{field} must be {str(off).lower()} when model.embedding_dim is null (one-hot), "
                    f"got {str(value).lower()}. Set model.embedding_dim."
                )
