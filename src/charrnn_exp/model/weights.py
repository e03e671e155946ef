"""The weights of a network as plain arrays by name: read from it, loaded into it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import Config
from charrnn_exp.data.lines import find_line_break
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError
from charrnn_exp.model.memory import explain_memory_errors
from charrnn_exp.model.network import Network, build_network
from charrnn_exp.model.size import resolve


def read_weights(network: Network) -> dict[str, npt.NDArray[Any]]:
    """Return the network's weights by their names in `weights.npz`."""
    return {name_weight(variable): variable.value.numpy() for variable in network.trainable_variables}


def load_weights(network: Network, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Load the weights of a `weights.npz` into the network.

    Raises:
        MachineError: if one is missing, or its shape or type differs from the network's.
    """
    for variable in network.trainable_variables:
        variable.assign(find_array(weights, name_weight(variable), variable))


def find_array(arrays: Mapping[str, npt.NDArray[Any]], name: str, like: Any) -> npt.NDArray[Any]:
    """Return the array of this name, checked for the shape and type of the variable that takes it.

    Raises:
        MachineError: if it is missing or differs.
    """
    like = np.asarray(like)
    found = arrays.get(name)
    if found is None or (found.dtype, found.shape) != (like.dtype, like.shape):
        shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise MachineError(
            f"the checkpoint is damaged: {name} is {shown}, the network needs {like.dtype} {like.shape}."
        )
    return found


def name_weight(variable: Any) -> str:
    """Return the name of a network's variable in `weights.npz`."""
    return str(variable.path).removeprefix("network/").replace("/", ".")


@explain_memory_errors()
def build_trained_network(config: Config, weights: Mapping[str, npt.NDArray[Any]], vocabulary: Vocabulary) -> Network:
    """Return the network of an existing run, with its weights.

    Args:
        config: of the run.
        weights: by name, as in its checkpoint.
        vocabulary: of the run.

    Raises:
        MachineError: if a weight is missing or has another shape or type, or memory runs out.
    """
    network = build_network(
        resolve(config.model, num_symbols=len(vocabulary)),
        num_symbols=len(vocabulary),
        precision=config.training.precision,
        seed=config.seed,
        line_break=find_line_break(vocabulary, lines=config.dataset.lines),
    )
    load_weights(network, weights)
    return network
