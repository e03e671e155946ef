"""The dropout rates of a network, in the order of its layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.errors import MachineError


def drop_dropout(model: ModelConfig) -> ModelConfig:
    """Return the settings of the model without dropout."""
    return replace(
        model, dropout=0.0, input_dropout=0.0, output_dropout=None, embedding_dropout=0.0, weight_dropout=0.0
    )


def list_rates(model: Mapping[str, Any]) -> list[float]:
    """Return the rates of embedding, input, weights and outputs, as `Network.list_dropouts` orders the layers.

    Args:
        model: settings by name, as in the manifest of a checkpoint.

    Raises:
        MachineError: if they are none.

    >>> of_inputs = {"embedding_dropout": 0, "input_dropout": 0.1}
    >>> list_rates({**of_inputs, "weight_dropout": 0.3, "dropout": 0.2, "output_dropout": None, "num_layers": 2})
    [0.0, 0.1, 0.3, 0.3, 0.2, 0.2]
    """
    try:
        last = model["dropout"] if model["output_dropout"] is None else model["output_dropout"]
        inner = [model["dropout"]] * (model["num_layers"] - 1)
        of_weights = [model.get("weight_dropout", 0.0)] * model["num_layers"]  # older programs had none
        of_inputs = (model["embedding_dropout"], model["input_dropout"])
        return [float(rate) for rate in (*of_inputs, *of_weights, *inner, last)]
    except (KeyError, TypeError, ValueError) as error:
        raise MachineError("the checkpoint is damaged: its manifest has no rates of dropout.") from error
