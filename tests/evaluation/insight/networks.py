"""Small networks for the tests, and their states and losses by numpy.

Axes: t time.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from tests.model.naive import Array, NaiveNetwork

V = 7
VARIANTS: list[dict[str, Any]] = [
    {},
    {"cell": "gru", "num_layers": 2},
    {"cell": "rnn", "embedding_dim": None},
    {"num_layers": 2, "layer_norm": True, "residual": True, "learn_initial_state": True},
]


def build(
    model: SizedModel, *, line_break: int | None = None, kind: type[Network] = Network, v: int = V, **changes: Any
) -> Network:
    """Return a network whose weights are all random, its first states and biases too."""
    model = dataclasses.replace(model, **changes)
    network = kind(num_symbols=v, model=model, precision="float32", seed=1, line_break=line_break)
    generator = np.random.default_rng(3)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(0.0, 0.7, variable.shape))
    return network


class Counting(Network):
    """A network that keeps the number of logits of each call."""

    def _find_logits(self, features_bth: Any) -> Any:
        logits_btv = super()._find_logits(features_bth)
        COUNTS.append(logits_btv.shape.num_elements())
        return logits_btv


COUNTS: list[int] = []


class Recording(NaiveNetwork):
    """Keeps all states, and adds something to the input vector of one step."""

    def __init__(self, network: Network, *, added: tuple[int, Array] | None = None) -> None:
        super().__init__(network)
        self.states: list[tuple[int, list[Array]]] = []
        self.num_read, self.added = 0, added

    def step(self, i: int, above: Array, state: list[Array]) -> list[Array]:
        found = super().step(i, above, state)
        self.states.append((i, found))
        return found

    def find_input(self, symbol: int, masks: dict[str, Array]) -> Array:
        vector = super().find_input(symbol, masks)
        if self.added is not None and self.added[0] == self.num_read:
            vector = vector + self.added[1]
        self.num_read += 1
        return vector


def find_losses(network: Network, ids_t: npt.NDArray[Any]) -> Array:
    """Return the loss of each character but the first, one stream from the first state."""
    logits = NaiveNetwork(network).read(ids_t[:-1])
    return np.array([np.log(np.exp(row).sum()) - row[target] for row, target in zip(logits, ids_t[1:], strict=True)])
