"""The sampler's network: one character at a time, in 8-bit integers.

Axes: b stream, v vocabulary, e input features, k matrix columns, m matrix rows, h hidden units, z gates (4h of an
LSTM: i, f, g, o).

A single stream is as fast as the weights can be read, so they are read as int8, a quarter of float32, and all that
reads a layer's hidden values is one matrix. Each of its rows has a scale of its own; hidden values lie in (-1, 1). Sums
of integers are exact in any order, so a text is the same to the last character alone or in a batch: sums of floats are
not, since libraries add in another order for another number of streams. benchmarks/quantization.py shows that the
distribution stays: it moves less than by multiplying in bfloat16, as training does.

Where outputs are normalised or added to inputs, the layer above reads values of any size: a separate matrix multiplies
them, rounded with a scale for each stream. Norms add whole numbers too.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell, State
from charrnn_exp.model.layers import Recurrent
from charrnn_exp.model.network import NORM_EPSILON, Network
from charrnn_exp.model.output import TiedOutput

LARGEST = 127.0
"""Integers reach from -LARGEST to LARGEST."""
MANY_STREAMS = 16
"""Least number of streams at which arithmetic limits the products, not reading: bfloat16 then beats int8."""
NORM_STEPS = 2.0**15
"""Hidden values are rounded to whole numbers of 1 / NORM_STEPS before their mean and variance are taken."""

StepStates = list[tuple[Any, ...]]
"""For each recurrent layer the product of recurrent kernel and hidden values, recurrent_zb (no rows without such a
kernel), and the states of its cell."""


class Matrix(NamedTuple):
    """A quantized matrix.

    Args:
        integers_mk: whole numbers, as int8 or bfloat16, which holds whole numbers up to 256 exactly.
        scale_m1: float32; the product with quantized hidden values times this is the product of the real ones.
    """

    integers_mk: Any
    scale_m1: Any


class StepLayer(NamedTuple):
    """A recurrent layer and the matrix above it.

    Args:
        of_hidden: all matrices that multiply its hidden values, as one: its recurrent kernel, then the kernel of the
            layer above (or of the logits) if that reads them.
        recurrent_bias_z1: where the products stay apart; else None.
        state_weights: of the cell by name, float32.
        norm: its gain and bias, [h, 1] each; None: off.
        adds_inputs: whether the layer's inputs are added to its outputs.
        of_features: the kernel of the layer above (or of the logits) if it reads other values; else None.
        bias_m1: of the layer above or of the logits.
        first_h1: learned arrays of the state at the start of a text, in the cell's order; None: zero.
    """

    of_hidden: Matrix
    recurrent_bias_z1: Any | None
    state_weights: dict[str, Any]
    norm: tuple[Any, Any] | None
    adds_inputs: bool
    of_features: Matrix | None
    bias_m1: Any
    first_h1: list[Any] | None


class StepWeights(NamedTuple):
    """The weights of a step.

    Args:
        cell: the maths of a step.
        num_recurrent: rows of recurrent_zb.
        table_vz: float32; the product of each symbol with the kernel of the first layer, plus its bias.
        layers: from the first to the last.
    """

    cell: Cell
    num_recurrent: int
    table_vz: Any
    layers: list[StepLayer]


def choose_integers(num_streams: int, precision: str) -> Any:
    """Return the faster type for the number of streams, int8 or bfloat16; both give the same numbers."""
    return tf.bfloat16 if precision == "bfloat16" and num_streams >= MANY_STREAMS else tf.int8


def quantize(network: Network, integers: Any) -> StepWeights:
    """Return the network's current weights, quantized for `step`.

    Args:
        network: float32.
        integers: of `choose_integers`.
    """
    first, *others = network.recurrent
    cell, kernel_ez = first.cell, _find_kernel(first)
    table_vz = kernel_ez if network.embedding is None else network.input_vectors() @ kernel_ez
    readers = [(_find_kernel(layer), _find_input_bias(layer)) for layer in others]
    readers.append(_read_output(network))
    layers = []
    for i, (layer, (kernel_hm, bias_m)) in enumerate(zip(network.recurrent, readers, strict=True)):
        recurrent_hz, adds_inputs = _find_recurrent_kernel(layer), network.residual and i > 0
        is_apart = bool(network.norms) or adds_inputs
        norm = network.norms[i] if network.norms else None
        of_hidden_hm = recurrent_hz if is_apart else tf.concat([recurrent_hz, kernel_hm], 1)
        layers.append(
            StepLayer(
                of_hidden=_quantize(of_hidden_hm, integers),
                recurrent_bias_z1=_find_recurrent_bias(layer),
                state_weights={name: layer.weights_by_name[name].value for name in cell.state_weights},
                norm=None if norm is None else (norm.gamma.value[:, None], norm.beta.value[:, None]),
                adds_inputs=adds_inputs,
                of_features=_quantize(kernel_hm, integers) if is_apart else None,
                bias_m1=bias_m[:, None],
                first_h1=[v[:, None] for v in network.initial_states[i].values()] if network.initial_states else None,
            )
        )
    num_recurrent = _find_recurrent_kernel(first).shape[1]
    return StepWeights(cell, num_recurrent, table_vz + _find_input_bias(first), layers)


def _find_kernel(layer: Recurrent) -> Any:
    return layer.weights_by_name[layer.cell.kernel].value


def _find_recurrent_kernel(layer: Recurrent) -> Any:
    """Return the recurrent kernel; one without columns if the cell has none."""
    name = layer.cell.recurrent_kernel
    return tf.zeros((layer.units, 0)) if name is None else layer.weights_by_name[name].value


def _find_input_bias(layer: Recurrent) -> Any:
    """Return the bias of the inputs' product, or of the joined one."""
    if layer.cell.bias is None:
        return tf.zeros(_find_kernel(layer).shape[1:])
    bias = layer.weights_by_name[layer.cell.bias].value
    return bias if layer.cell.joins_products else bias[0]


def _find_recurrent_bias(layer: Recurrent) -> Any | None:
    """Return the bias of the hidden values' product where it stays apart."""
    if layer.cell.joins_products or layer.cell.bias is None:
        return None
    return layer.weights_by_name[layer.cell.bias].value[1][:, None]


def _read_output(network: Network) -> tuple[Any, Any]:
    output = network.output_layer
    if isinstance(output, TiedOutput):
        assert network.embedding is not None
        return output.find_matrix(network.embedding.embeddings), output.bias.value
    return output.kernel.value, output.bias.value


@tf.function(jit_compile=True, autograph=False)
def _quantize(weights_km: Any, integers: Any) -> Matrix:
    weights_mk = tf.transpose(weights_km)
    largest_m1 = tf.reduce_max(tf.abs(weights_mk), axis=1, keepdims=True)
    scale_m1 = tf.where(largest_m1 > 0.0, largest_m1, 1.0) / LARGEST
    return Matrix(tf.cast(tf.round(weights_mk / scale_m1), integers), scale_m1 / LARGEST)


def first_states(weights: StepWeights, num_streams: int) -> StepStates:
    """Return the states of num_streams streams at the start of a text."""
    states: StepStates = []
    for layer in weights.layers:
        h, num_recurrent = layer.of_hidden.integers_mk.shape[1], weights.num_recurrent
        if layer.first_h1 is None:
            zeros_hb = tf.zeros((h, num_streams))
            states.append((tf.zeros((num_recurrent, num_streams)), *[zeros_hb] * len(weights.cell.state_names)))
        else:
            states.append(_learned_state(layer, num_recurrent, num_streams))
    return states


@tf.function(jit_compile=True, autograph=False)
def _learned_state(layer: StepLayer, num_recurrent: int, num_streams: int) -> tuple[Any, ...]:
    assert layer.first_h1 is not None
    states_hb = [tf.tile(first_h1, [1, num_streams]) for first_h1 in layer.first_h1]
    return (_multiply(layer.of_hidden, tf.round(states_hb[0] * LARGEST))[:num_recurrent], *states_hb)


def step(weights: StepWeights, ids_b: Any, states: StepStates) -> tuple[Any, StepStates]:
    """Return float32 logits_bv and the states after one character; for functions that XLA compiles."""
    above_mb = tf.transpose(tf.gather(weights.table_vz, ids_b))
    features_hb, new_states = None, []
    for layer, (recurrent_zb, *states_hb) in zip(weights.layers, states, strict=True):
        if layer.recurrent_bias_z1 is not None:
            recurrent_zb += layer.recurrent_bias_z1
        hidden_hb, *others_hb = _advance(weights.cell, layer.state_weights, above_mb, recurrent_zb, tuple(states_hb))
        sums_mb = _multiply(layer.of_hidden, tf.round(hidden_hb * LARGEST))
        num_recurrent = weights.num_recurrent
        new_states.append((sums_mb[:num_recurrent], hidden_hb, *others_hb))
        outputs_hb = hidden_hb if layer.norm is None else _normalise(hidden_hb, *layer.norm)
        features_hb = outputs_hb + features_hb if layer.adds_inputs else outputs_hb
        if layer.of_features is None:
            above_mb = sums_mb[num_recurrent:] + layer.bias_m1
        else:
            above_mb = _multiply_scaled(layer.of_features, features_hb) + layer.bias_m1
    return tf.transpose(above_mb), new_states


def _advance(cell: Cell, state_weights: dict[str, Any], above_zb: Any, recurrent_zb: Any, states: State) -> State:
    """Return the cell's states after a step; the sums contain the biases."""
    products, rows = [above_zb, recurrent_zb], [2]
    if cell.joins_products:
        products, rows = [above_zb if cell.recurrent_kernel is None else above_zb + recurrent_zb], []
    no_bias = {} if cell.bias is None else {cell.bias: tf.zeros([*rows, above_zb.shape[0]])}
    return cell.step(products, state_weights | no_bias, states)[0]


def _normalise(hidden_hb: Any, gain_h1: Any, bias_h1: Any) -> Any:
    """Return the layer norm of hidden values; their mean and variance are sums of whole numbers, so exact."""
    integers_hb = tf.cast(tf.round(hidden_hb * NORM_STEPS), tf.int64)
    sums = tf.reduce_sum(integers_hb, axis=0, keepdims=True), tf.reduce_sum(integers_hb**2, axis=0, keepdims=True)
    mean_1b, square_1b = (tf.cast(sum_1b, tf.float64) / hidden_hb.shape[0] for sum_1b in sums)
    deviation_1b = tf.sqrt((square_1b - mean_1b**2) / NORM_STEPS**2 + NORM_EPSILON)
    centred_hb = hidden_hb - tf.cast(mean_1b / NORM_STEPS, tf.float32)
    return centred_hb / tf.cast(deviation_1b, tf.float32) * gain_h1 + bias_h1


def _multiply_scaled(matrix: Matrix, features_kb: Any) -> Any:
    """Multiply values of any size, rounded with a scale for each stream."""
    largest_1b = tf.reduce_max(tf.abs(features_kb), axis=0, keepdims=True)
    largest_1b = tf.where(largest_1b > 0.0, largest_1b, 1.0)
    return _multiply(matrix, tf.round(features_kb / largest_1b * LARGEST)) * largest_1b


def _multiply(matrix: Matrix, hidden_kb: Any) -> Any:
    # float32 counts exactly to 2**24. To pass it in bfloat16, the |weights| of a row would have to average 127 over
    # 1,040 columns; Gaussian ones average 25.
    integers = matrix.integers_mk.dtype
    sums = tf.int32 if integers == tf.int8 else tf.float32
    sums_mb = tf.matmul(matrix.integers_mk, tf.cast(hidden_kb, integers), output_type=sums)
    return tf.cast(sums_mb, tf.float32) * matrix.scale_m1
