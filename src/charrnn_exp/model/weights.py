"""The weights of a network as plain arrays by name: read from it, loaded into it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.errors import MachineError
from charrnn_exp.model.network import Network


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
