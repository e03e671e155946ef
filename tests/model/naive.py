"""The network written out in NumPy: one stream, one character, one gate at a time, in float64."""

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charrnn_exp.model.network import NORM_EPSILON, Network

Array = npt.NDArray[np.float64]
Rounding = Callable[[Array], Array]


def keep(array: Array) -> Array:
    """Round nothing."""
    return array


def round_as_sampler(matrix_km: Array) -> Array:
    """Round the columns of a matrix as sampling/stepper.py says."""
    k = len(matrix_km)
    largest = np.max([np.abs(matrix_km[i : i + 64]).sum(axis=0) for i in range(0, k, 64)], axis=0)
    scale = largest / (2**24 / 800 - 33)
    return np.round(matrix_km / scale) * scale


ROUND_AS_SAMPLER: dict[str, Rounding] = {
    "round_matrix": round_as_sampler,
    "round_hidden": lambda hidden: np.round(hidden * 800) / 800,
    "round_features": lambda features: np.round(features / np.abs(features).max() * 800) / 800 * np.abs(features).max(),
}


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


class NaiveNetwork:
    """A network's maths, after its weights.

    Args:
        network: its weights are read once, by their names.
        round_matrix: applied to each matrix but the first layer's kernel.
        round_hidden: applied to hidden values before they are multiplied.
        round_features: the same for what is above a norm or a sum.
    """

    def __init__(
        self,
        network: Network,
        *,
        round_matrix: Rounding = keep,
        round_hidden: Rounding = keep,
        round_features: Rounding = keep,
    ) -> None:
        values = {v.path.removeprefix("network/"): np.asarray(v, np.float64) for v in network.trainable_variables}
        cell = network.recurrent[0].cell
        self.cell, self.state_names = cell.name, cell.state_names
        self.num_layers = len(network.recurrent)
        self.values, self.residual, self.h = values, network.residual, network.hidden_size
        self.round_matrix, self.round_hidden, self.round_features = round_matrix, round_hidden, round_features
        self.input_scale = network.input_scale

    def first_states(self) -> list[list[Array]]:
        starts = [
            [self.values.get(f"initial_state_{i}/{name}", np.zeros(self.h)) for name in self.state_names]
            for i in range(1, self.num_layers + 1)
        ]
        return [[np.tanh(hidden), *others] for hidden, *others in starts]

    def read(self, ids_t: npt.NDArray[np.int32], masks: dict[str, Array] | None = None) -> Array:
        """Return logits_tv of one text from the first state.

        Args:
            masks: what inputs and outputs are multiplied by: embedding [v, 1], input [t, e], 1, 2 ... [t, h].
        """
        masks = masks or {}
        states, logits = self.first_states(), []
        for t, symbol in enumerate(ids_t):
            x = self.find_input(symbol, masks)
            x = x * masks["input"][t] if "input" in masks else x
            above = x
            for i, state in enumerate(states, start=1):
                kernel = self.values[f"{self.cell}_{i}/kernel"]
                kernel = kernel if i == 1 else self.round_matrix(kernel)
                states[i - 1] = self.step(i, x @ kernel, state)
                outputs = self.round_hidden(states[i - 1][0])
                if f"norm_{i}/gamma" in self.values or (self.residual and i > 1):
                    outputs = self.normalise(i, states[i - 1][0])
                    features = outputs + above if self.residual and i > 1 else outputs
                    outputs, above = self.round_features(features), features
                else:
                    above = states[i - 1][0]
                x = outputs * masks[str(i)][t] if str(i) in masks else outputs
                above = above * masks[str(i)][t] if str(i) in masks else above
            logits.append(x @ self.round_matrix(self.find_output()) + self.values["output/bias"])
        return np.array(logits)

    def read_lines(self, ids_t: npt.NDArray[np.int32], line_break: int) -> Array:
        """Return logits_tv of a text of lines: what stands before the first line break, then each line by itself."""
        edges = [0, *(int(t) for t in np.flatnonzero(ids_t == line_break) if t), len(ids_t)]
        return np.concatenate([self.read(ids_t[start:stop]) for start, stop in itertools.pairwise(edges)])

    def find_input(self, symbol: int, masks: dict[str, Array]) -> Array:
        if "embedding/embeddings" not in self.values:
            return np.eye(self.values[f"{self.cell}_1/kernel"].shape[0])[symbol]
        vector = self.values["embedding/embeddings"][symbol] * self.input_scale
        return vector * masks["embedding"][symbol] if "embedding" in masks else vector

    def find_output(self) -> Array:
        if "output/kernel" in self.values:
            return self.values["output/kernel"]
        embedding_ev = self.values["embedding/embeddings"].T
        projection = self.values.get("output/projection")
        return embedding_ev if projection is None else projection @ embedding_ev

    def step(self, i: int, above: Array, state: list[Array]) -> list[Array]:
        bias = self.values[f"{self.cell}_{i}/bias"]
        recurrent = self.round_hidden(state[0]) @ self.round_matrix(self.values[f"{self.cell}_{i}/recurrent_kernel"])
        match self.cell:
            case "lstm":
                gate_i, gate_f, gate_g, gate_o = np.split(above + recurrent + bias, 4)
                cell = sigmoid(gate_f) * state[1] + sigmoid(gate_i) * np.tanh(gate_g)
                return [sigmoid(gate_o) * np.tanh(cell), cell]
            case "gru":
                above_z, above_r, above_c = np.split(above + bias[0], 3)
                recurrent_z, recurrent_r, recurrent_c = np.split(recurrent + bias[1], 3)
                z, r = sigmoid(above_z + recurrent_z), sigmoid(above_r + recurrent_r)
                return [z * state[0] + (1 - z) * np.tanh(above_c + r * recurrent_c)]
            case "rnn":
                return [np.tanh(above + recurrent + bias)]
            case _:
                raise AssertionError(self.cell)

    def normalise(self, i: int, outputs: Array) -> Array:
        if f"norm_{i}/gamma" not in self.values:
            return outputs
        centred = outputs - outputs.mean()
        gain, bias = self.values[f"norm_{i}/gamma"], self.values[f"norm_{i}/beta"]
        return centred / np.sqrt(outputs.var() + NORM_EPSILON) * gain + bias
