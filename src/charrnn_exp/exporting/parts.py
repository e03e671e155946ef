"""The parts of a trained network as plain arrays, from which each format builds its own.

Axes: e input features, v vocabulary, h hidden units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.model.cells.cell import Cell
from charrnn_exp.model.network import NORM_EPSILON, Network
from charrnn_exp.model.output import TiedOutput

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerParts:
    """A recurrent layer.

    Args:
        weights: of the cell, by the names and with the layout of its declaration.
        norm: gain and bias of the norm of its outputs, [h] each; None: off.
        adds_inputs: whether its inputs are added to its outputs, after the norm.
        first_states: [h] each at the start of a text, by the names of the cell's states.
    """

    weights: dict[str, Array]
    norm: tuple[Array, Array] | None
    adds_inputs: bool
    first_states: dict[str, Array]


@dataclass(frozen=True)
class Parts:
    """A network.

    Args:
        cell: of all layers.
        hidden_size: h.
        num_symbols: v.
        vectors_ve: input vector of each symbol; None: one-hot.
        layers: from the first to the last.
        output_hv: matrix of the logits.
        output_bias_v: their bias.
        of_lines: whether it starts anew at each line break, which the parts do not.
    """

    cell: Cell
    hidden_size: int
    num_symbols: int
    vectors_ve: Array | None
    layers: list[LayerParts]
    output_hv: Array
    output_bias_v: Array
    of_lines: bool = False

    def list_states(self) -> dict[str, Array]:
        """Return the states at the start of a text, [h] each, by their names in an export, in its order."""
        return {
            f"state_{i}_{name}": state_h
            for i, layer in enumerate(self.layers, start=1)
            for name, state_h in layer.first_states.items()
        }

    def list_arrays(self) -> dict[str, Array]:
        """Return all weights by their names in an export."""
        arrays = {"output.kernel": self.output_hv, "output.bias": self.output_bias_v}
        if self.vectors_ve is not None:
            arrays["input.vectors"] = self.vectors_ve
        for i, layer in enumerate(self.layers, start=1):
            arrays |= {f"layer.{i}.{name}": array for name, array in layer.weights.items()}
            if layer.norm is not None:
                arrays[f"layer.{i}.norm.gain"], arrays[f"layer.{i}.norm.bias"] = layer.norm
        return arrays

    def describe(self) -> dict[str, Any]:
        """Return what a reader of the arrays needs to know besides them; also names and first values of the states."""
        return {
            "cell": self.cell.name,
            "num_layers": len(self.layers),
            "hidden_size": self.hidden_size,
            "num_symbols": self.num_symbols,
            "one_hot": self.vectors_ve is None,
            "layer_norm_epsilon": None if self.layers[0].norm is None else NORM_EPSILON,
            "lines": self.of_lines,
            "residual": any(layer.adds_inputs for layer in self.layers),
            "first_states": {name: state_h.tolist() for name, state_h in self.list_states().items()},
        }


def read_parts(network: Network) -> Parts:
    """Return the parts of a network: scales and ties of the embedding are multiplied out, dropout is off."""
    layers = []
    for i, layer in enumerate(network.recurrent):
        names, norm = layer.cell.state_names, network.norms[i] if network.norms else None
        starts = network.initial_states[i].values() if network.initial_states else None
        zeros_h = np.zeros(network.hidden_size, np.float32)
        layers.append(
            LayerParts(
                weights={name: variable.value.numpy() for name, variable in layer.weights_by_name.items()},
                norm=None if norm is None else (norm.gamma.value.numpy(), norm.beta.value.numpy()),
                adds_inputs=network.residual and i > 0,
                first_states={
                    name: zeros_h if starts is None else starts[place].numpy() for place, name in enumerate(names)
                },
            )
        )
    return Parts(
        cell=network.recurrent[0].cell,
        hidden_size=network.hidden_size,
        num_symbols=network.num_symbols,
        vectors_ve=None if network.embedding is None else network.input_vectors().numpy(),
        layers=layers,
        output_hv=_find_output(network),
        output_bias_v=network.output_layer.bias.value.numpy(),
        of_lines=network.line_break is not None,
    )


def _find_output(network: Network) -> Array:
    """Return the matrix of the logits; a product of two is made in float64."""
    output = network.output_layer
    if not isinstance(output, TiedOutput):
        return np.asarray(output.kernel.value.numpy())
    assert network.embedding is not None
    embedding_ev = network.embedding.embeddings.value.numpy().T
    if output.projection is None:
        return np.ascontiguousarray(embedding_ev)
    product_hv = output.projection.value.numpy().astype(np.float64) @ embedding_ev
    return np.asarray(product_hv, np.float32)
