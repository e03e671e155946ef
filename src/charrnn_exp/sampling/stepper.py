"""The sampler's network: one character at a time, in whole numbers.

Axes: b stream, v vocabulary, e input features, k matrix columns, m matrix rows, h hidden units, z gates (4h of an
LSTM: i, f, g, o).

Libraries add floats in another order for another number of streams, so sums of floats would make a text depend on the
texts beside it. Sums of integers are exact in any order. Hidden values lie in [-1, 1] and are rounded to HIDDEN_STEPS
steps. The matrices that multiply those of a layer are joined into one, and each of its rows is rounded with its own
scale, so large that every sum of CHUNK products stays below 2**24, where float32 holds all integers. So a few streams,
which are limited by reading the weights, can add int16 products as int32, each on its own, and many streams float32
products, and both get the same numbers. On a well-trained model the distribution moves by less than a quarter as much
as by multiplying in bfloat16 (docs/log/sampler.md).

Where outputs are normalised or added to inputs, the kernel above reads values of any size: it is a separate matrix, and
the values are rounded with a scale for each stream. Layer norm adds integers too.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from charrnn_exp.model.cells.cell import Cell, State
from charrnn_exp.model.layers import Recurrent
from charrnn_exp.model.network import NORM_EPSILON, Network
from charrnn_exp.model.output import TiedOutput

HIDDEN_STEPS = 800
"""Largest integer of a hidden value: the more steps it has, the fewer are left for the weights."""
CHUNK = 64
"""Products that are added as float32."""
MAX_CHUNKS = 32
"""Most of them in a row: XLA compiles more for minutes."""
FEW = 4
"""Streams that are faster one by one."""
EXACT = 2**24
"""float32 holds all integers up to this."""
NORM_STEPS = 2.0**15
"""Hidden values are rounded to whole numbers of 1 / NORM_STEPS before their mean and variance are taken."""

StepStates = list[tuple[Any, ...]]
"""For each recurrent layer the product of recurrent kernel and hidden values, recurrent_zb (no rows without such a
kernel), and the states of its cell."""


class Matrix(NamedTuple):
    """A quantized matrix.

    Args:
        chunks: integers, as one int16 array [m, k], or as float32 arrays [m, CHUNK], the last with fewer columns.
        scale_m1: float32; the product with quantized hidden values times this is the product of the real ones.
    """

    chunks: list[Any]
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
        line_break: id of the symbol before which a stream starts anew, see `Network`; None: none.
    """

    cell: Cell
    num_recurrent: int
    table_vz: Any
    layers: list[StepLayer]
    line_break: int | None = None


def quantize(network: Network, *, num_streams: int) -> StepWeights:
    """Return the network's current weights, quantized for `step`; for any number of streams they give the same numbers.

    Args:
        network: float32.
        num_streams: that the step is fastest for.
    """
    integers = tf.int16 if num_streams <= FEW or network.hidden_size > MAX_CHUNKS * CHUNK else tf.float32
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
    return StepWeights(cell, num_recurrent, table_vz + _find_input_bias(first), layers, network.line_break)


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
    k = weights_mk.shape[1]
    chunks = [weights_mk[:, i : i + CHUNK] for i in range(0, k, CHUNK)]
    chunk_sums = tf.stack([tf.reduce_sum(tf.abs(chunk), axis=1) for chunk in chunks], axis=1)
    # Rounding adds half a step to each of the weights at most.
    largest_chunk = EXACT / HIDDEN_STEPS - CHUNK / 2 - 1
    largest_row = 2**31 / HIDDEN_STEPS - k / 2 - 1
    scale_m1 = tf.maximum(
        tf.reduce_max(chunk_sums, axis=1, keepdims=True) / largest_chunk,
        tf.reduce_sum(chunk_sums, axis=1, keepdims=True) / largest_row,
    )
    scale_m1 = tf.where(scale_m1 > 0.0, scale_m1, 1.0)
    rounded = [weights_mk] if integers == tf.int16 else chunks
    return Matrix([tf.cast(tf.round(each / scale_m1), integers) for each in rounded], scale_m1 / HIDDEN_STEPS)


def first_states(weights: StepWeights, num_streams: int) -> StepStates:
    """Return the states of num_streams streams at the start of a text."""
    states: StepStates = []
    for layer in weights.layers:
        h, num_recurrent = sum(chunk.shape[1] for chunk in layer.of_hidden.chunks), weights.num_recurrent
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
    return (_multiply(layer.of_hidden, tf.round(states_hb[0] * HIDDEN_STEPS))[:num_recurrent], *states_hb)


def step(weights: StepWeights, ids_b: Any, states: StepStates) -> tuple[Any, StepStates]:
    """Return float32 logits_bv and the states after one character; for functions that XLA compiles."""
    if weights.line_break is not None:
        starts_b, firsts = tf.equal(ids_b, weights.line_break), first_states(weights, ids_b.shape[0])
        states = tf.nest.map_structure(lambda first, state: tf.where(starts_b, first, state), firsts, states)
    above_mb = tf.transpose(tf.gather(weights.table_vz, ids_b))
    features_hb, new_states = None, []
    for layer, (recurrent_zb, *states_hb) in zip(weights.layers, states, strict=True):
        if layer.recurrent_bias_z1 is not None:
            recurrent_zb += layer.recurrent_bias_z1
        hidden_hb, *others_hb = _advance(weights.cell, layer.state_weights, above_mb, recurrent_zb, tuple(states_hb))
        sums_mb = _multiply(layer.of_hidden, tf.round(hidden_hb * HIDDEN_STEPS))
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
    return _multiply(matrix, tf.round(features_kb / largest_1b * HIDDEN_STEPS)) * largest_1b


def _multiply(matrix: Matrix, hidden_kb: Any) -> Any:
    """Return the product with integers up to HIDDEN_STEPS, times the scale."""
    if matrix.chunks[0].dtype == tf.int16:
        # XLA multiplies a matrix with a vector well, two matrices of int16 badly.
        streams_kb = tf.cast(hidden_kb, tf.int16)
        streams = tf.split(streams_kb, streams_kb.shape[1], axis=1) if streams_kb.shape[1] <= FEW else [streams_kb]
        sums_mb = tf.concat([tf.matmul(matrix.chunks[0], each, output_type=tf.int32) for each in streams], 1)
    else:
        parts = [hidden_kb[i * CHUNK : (i + 1) * CHUNK] for i in range(len(matrix.chunks))]
        products = [tf.cast(chunk @ part, tf.int32) for chunk, part in zip(matrix.chunks, parts, strict=True)]
        sums_mb = sum(products[1:], products[0])
    return tf.cast(sums_mb, tf.float32) * matrix.scale_m1
