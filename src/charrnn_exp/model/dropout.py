"""The dropout rates of a network, in the order of its layers."""

from collections.abc import Mapping
from typing import Any

from charrnn_exp.errors import MachineError


def list_rates(model: Mapping[str, Any]) -> list[float]:
    """Return the rates of embedding, input and each recurrent layer, as `Network.list_dropouts` orders the layers.

    Args:
        model: settings by name, as in the manifest of a checkpoint.

    Raises:
        MachineError: if they are none.

    >>> of_inputs = {"embedding_dropout": 0, "input_dropout": 0.1}
    >>> list_rates({**of_inputs, "dropout": 0.2, "output_dropout": None, "num_layers": 2})
    [0.0, 0.1, 0.2, 0.2]
    """
    try:
        last = model["dropout"] if model["output_dropout"] is None else model["output_dropout"]
        inner = [model["dropout"]] * (model["num_layers"] - 1)
        return [float(rate) for rate in (model["embedding_dropout"], model["input_dropout"], *inner, last)]
    except (KeyError, TypeError, ValueError) as error:
        raise MachineError("the checkpoint is damaged: its manifest has no rates of dropout.") from error
