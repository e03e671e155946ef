"""The weights of a network as plain arrays by name, out of it and into it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.errors import MachineError
from charrnn_exp.model.network import Network


def read_weights(network: Network) -> dict[str, npt.NDArray[Any]]:
    """Return the weights that the network has, by the names they have in a `weights.npz`."""
    return {name_weight(variable): variable.value.numpy() for variable in network.trainable_variables}


def load_weights(network: Network, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Give the network the weights of a `weights.npz`.

    Raises:
        MachineError: if one is missing, or not of the shape and type that the network has.
    """
    for variable in network.trainable_variables:
        variable.assign(find_array(weights, name_weight(variable), variable))


def find_array(arrays: Mapping[str, npt.NDArray[Any]], name: str, like: Any) -> npt.NDArray[Any]:
    """Return the array of this name after comparing its shape and type with the variable that takes it.

    Raises:
        MachineError: if it is missing or differs, or is a negative number of the progress.
    """
    like = np.asarray(like)
    found = arrays.get(name)
    if found is None or (found.dtype, found.shape) != (like.dtype, like.shape):
        shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise MachineError(f"the checkpoint must have {name} as {like.dtype} {like.shape}, got {shown}.")
    if name.startswith("progress.") and found < 0:
        raise MachineError(f"the checkpoint must have {name} of at least 0, got {found}.")
    return found


def name_weight(variable: Any) -> str:
    """Return the name that a variable of the network has in a `weights.npz`."""
    return str(variable.path).removeprefix("network/").replace("/", ".")
