"""The values of all cells of a network over a text, and how often its gates are saturated.

Axes: b stream, t time, n character, m matrix rows (cells: numbers of a layer's state), h hidden units, e input
features, k matrix columns, z gates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NUM_STREAMS = 32
"""Streams that a text is read in."""
WARMUP = 256
"""Characters that each stream reads before its own: an empty state is far from the later ones."""
CLOSED, OPEN = 0.1, 0.9
"""A gate below the one is left-saturated, above the other right-saturated (Karpathy, Johnson and Fei-Fei 2015)."""
CHUNK = 2048
"""Characters whose gates are found at once."""


@dataclass(frozen=True)
class CellName:
    """One number of the state of a layer.

    Args:
        layer: from 1.
        state: its name in the declaration of the cell: hidden, cell.
        unit: from 0.
    """

    layer: int
    state: str
    unit: int

    def __str__(self) -> str:
        return f"layer {self.layer}, {self.state} {self.unit}"


@dataclass(frozen=True)
class Trace:
    """The states of a network after each character of a text.

    Args:
        states: for each layer, by the name of the state, float32 [h, n].
        before: the same before each character; at a line break of a text of lines the first states.
        ids_n: the characters.
    """

    states: list[dict[str, npt.NDArray[np.float32]]]
    before: list[dict[str, npt.NDArray[np.float32]]]
    ids_n: npt.NDArray[np.int32]

    def list_names(self) -> list[CellName]:
        """Return the names of the rows of `stack`."""
        return [
            CellName(layer, state, unit)
            for layer, states in enumerate(self.states, start=1)
            for state, values_hn in states.items()
            for unit in range(len(values_hn))
        ]

    def stack(self) -> npt.NDArray[np.float32]:
        """Return all cells, values_mn."""
        return np.concatenate([values_hn for states in self.states for values_hn in states.values()])


@dataclass(frozen=True)
class Saturation:
    """How often each unit of a gate is nearly closed or nearly open.

    Args:
        layer: from 1.
        gate: its name in the declaration of the cell.
        closed_h: share of the characters at which the unit is below `CLOSED`.
        open_h: share at which it is above `OPEN`.
    """

    layer: int
    gate: str
    closed_h: npt.NDArray[np.float64]
    open_h: npt.NDArray[np.float64]


class Tracer:
    """Reads texts of one length in streams and keeps all states; it is compiled once, whatever the weights become.

    A stream reads the `WARMUP` characters before its own first; the first stream has none and starts empty.

    Args:
        network: is not changed.
        num_characters: of each text.
    """

    def __init__(self, network: Any, num_characters: int) -> None:
        import tensorflow as tf

        self._network, self._num = network, num_characters
        self._num_streams = max(1, min(NUM_STREAMS, num_characters // WARMUP))
        self._length = -(-num_characters // self._num_streams)
        self._read = tf.function(self._read_impl, autograph=False)

    def trace(self, ids_n: npt.NDArray[Any]) -> Trace:
        """Return the states after each character of a text."""
        import tensorflow as tf

        assert len(ids_n) == self._num, "the text has the length that was stated"
        at_bt = np.arange(self._num_streams)[:, None] * self._length + np.arange(-WARMUP, self._length)
        ids_tb = ids_n[np.clip(at_bt, 0, self._num - 1)].astype(np.int32).T
        found = [_join_streams(each.numpy(), self._num) for each in self._read(tf.constant(ids_tb))]
        half, names = len(found) // 2, self._network.recurrent[0].cell.state_names
        return Trace(_name(found[:half], names), _name(found[half:], names), ids_n.astype(np.int32))

    def _read_impl(self, ids_tb: Any) -> list[Any]:
        """Return the states after each character and before it, [t, b, h] each."""
        import tensorflow as tf

        network, first = self._network, self._network.first_states(self._num_streams)
        is_first_b1 = (np.arange(self._num_streams) == 0)[:, None]

        def step(t: Any, states: Any, stacks: Any) -> Any:
            fresh = tf.logical_and(t == WARMUP, is_first_b1)
            if network.line_break is not None:  # what the network does itself; `before` is what the gates read
                fresh = tf.logical_or(fresh, (ids_tb[t] == network.line_break)[:, None])
            states = tf.nest.map_structure(lambda empty, each: tf.where(fresh, empty, each), first, states)
            before = tf.nest.flatten(states)
            _, states = network(ids_tb[t][:, None], states, training=False)
            both = zip(stacks, [*tf.nest.flatten(states), *before], strict=True)
            return t + 1, states, [stack.write(tf.maximum(t - WARMUP, 0), each) for stack, each in both]

        stacks = [tf.TensorArray(tf.float32, self._length, clear_after_read=False) for _ in tf.nest.flatten(first) * 2]
        last = tf.while_loop(lambda t, *_: t < ids_tb.shape[0], step, (0, first, stacks))
        return [stack.stack() for stack in last[2]]


def find_saturation(network: Any, trace: Trace) -> list[Saturation]:
    """Return the saturation of the gates that the network's cell declares; of one that declares none, nothing."""
    return [
        Saturation(layer, gate, np.mean(values_hn < CLOSED, axis=1), np.mean(values_hn > OPEN, axis=1))
        for layer, gates in enumerate(find_gates(network, trace), start=1)
        for gate, values_hn in gates.items()
    ]


def find_gates(network: Any, trace: Trace) -> list[dict[str, npt.NDArray[np.float32]]]:
    """Return for each layer the gates by name, [h, n] each; of a cell that declares none, empty."""
    if network.recurrent[0].cell.find_gates is None:
        return [{} for _ in network.recurrent]
    pieces = [list(_find_gates(network, trace, slice(n, n + CHUNK))) for n in range(0, len(trace.ids_n), CHUNK)]
    return [
        {name: np.concatenate([piece[i][name] for piece in pieces], axis=1) for name in pieces[0][i]}
        for i in range(len(network.recurrent))
    ]


def _find_gates(network: Any, trace: Trace, piece: slice) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    """Yield the gates of each layer at a piece of the text: all its characters stand side by side as streams."""
    import tensorflow as tf

    from charrnn_exp.model.products import lay_out, multiply_step

    inputs_en = _read_inputs(network, trace.ids_n[piece])
    features_nh = None
    for i, layer in enumerate(network.recurrent):
        cell, values = layer.cell, {name: each.value for name, each in layer.weights_by_name.items()}
        before = tuple(tf.constant(each[:, piece]) for each in trace.before[i].values())
        hidden_hn = tf.constant(trace.states[i]["hidden"][:, piece])
        recurrent_hz = None if cell.recurrent_kernel is None else values[cell.recurrent_kernel]
        matrices = lay_out(cell, values[cell.kernel], recurrent_hz)
        x_kn = inputs_en if recurrent_hz is None else tf.concat([inputs_en, before[0]], 0)
        gates = cell.find_gates(multiply_step(cell, matrices, x_kn, x_kn.dtype), values, before)
        yield dict(zip(cell.gate_names, (gate.numpy() for gate in gates), strict=True))
        outputs_nh = tf.transpose(hidden_hn)
        if network.norms:
            outputs_nh = network.norms[i](outputs_nh)
        if network.residual and features_nh is not None:
            outputs_nh += features_nh
        features_nh, inputs_en = outputs_nh, tf.transpose(outputs_nh)


def _read_inputs(network: Any, ids_n: npt.NDArray[np.int32]) -> Any:
    """Return the inputs of the first layer, inputs_en."""
    import tensorflow as tf

    if network.embedding is None:
        return tf.transpose(tf.one_hot(ids_n, network.num_symbols))
    return tf.transpose(tf.gather(network.input_vectors(), ids_n))


def _join_streams(values_tbh: npt.NDArray[np.float32], num: int) -> npt.NDArray[np.float32]:
    """Return the values of all streams in text order, values_hn."""
    joined: npt.NDArray[np.float32] = values_tbh.transpose(2, 1, 0).reshape(values_tbh.shape[2], -1)[:, :num]
    return joined


def _name(arrays: Sequence[npt.NDArray[np.float32]], names: Sequence[str]) -> list[dict[str, npt.NDArray[np.float32]]]:
    return [dict(zip(names, arrays[i : i + len(names)], strict=True)) for i in range(0, len(arrays), len(names))]
