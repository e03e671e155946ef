"""The network one character at a time, in 8-bit integers: what the sampler runs.

Axes: b stream, v vocabulary, e embedding, h hidden, z = 4h gates (i, f, g, o), m rows and k columns of a matrix.

A single stream is as fast as the weights can be read, so they are read as int8, a quarter of float32, and all that
reads a layer's hidden values is one matrix. Each of its rows has a scale of its own; hidden values lie in (-1, 1). Sums
of integers are exact in any order, so a text is the same to the last character alone or in a batch: sums of floats are
not, since libraries add in another order for another number of streams. benchmarks/quantization.py shows that the
distribution stays: it moves less than by multiplying in bfloat16, as training does.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from charrnn_exp.model.network import Network

LARGEST = 127.0
"""Integers reach from -LARGEST to LARGEST."""
MANY_STREAMS = 16
"""From here on the products are limited by arithmetic, not by reading, and bfloat16 multiplies faster than int8."""

StepStates = list[tuple[Any, Any]]
"""For each recurrent layer what its hidden values add to the next step's gates, recurrent_zb, and its cell_hb."""


class Matrix(NamedTuple):
    """A quantized matrix.

    Args:
        integers_mk: whole numbers, as int8 or bfloat16, which holds whole numbers up to 256 exactly.
        scale_m1: float32; the product with quantized hidden values times this is the product of the real ones.
    """

    integers_mk: Any
    scale_m1: Any


class StepWeights(NamedTuple):
    """All that a step reads.

    Args:
        table_vz: float32; what each symbol adds to the gates of the first layer, its bias included.
        layers: for each recurrent layer the matrix of all that reads its hidden values, its own recurrent kernel and
            below it the kernel of the layer above (or of the logits), and the bias_m1 of the latter.
    """

    table_vz: Any
    layers: list[tuple[Matrix, Any]]


def choose_integers(num_streams: int, precision: str) -> Any:
    """Return the type that multiplies fastest for so many streams: int8 or bfloat16; the numbers are the same."""
    return tf.bfloat16 if precision == "bfloat16" and num_streams >= MANY_STREAMS else tf.int8


def quantize(network: Network, integers: Any) -> StepWeights:
    """Return the network's weights as they are now, ready for `step`.

    Args:
        network: float32.
        integers: of `choose_integers`.
    """
    first, *others = network.recurrent
    table_vz = network.embedding.embeddings.value @ first.kernel.value + first.bias.value
    readers = [(layer.kernel.value, layer.bias.value) for layer in others]
    readers.append((network.output_layer.kernel.value, network.output_layer.bias.value))
    layers = [
        (_quantize(tf.concat([layer.recurrent_kernel.value, kernel], 1), integers), bias[:, None])
        for layer, (kernel, bias) in zip(network.recurrent, readers, strict=True)
    ]
    return StepWeights(table_vz, layers)


@tf.function(jit_compile=True, autograph=False)
def _quantize(weights_km: Any, integers: Any) -> Matrix:
    weights_mk = tf.transpose(weights_km)
    largest_m1 = tf.reduce_max(tf.abs(weights_mk), axis=1, keepdims=True)
    scale_m1 = tf.where(largest_m1 > 0.0, largest_m1, 1.0) / LARGEST
    return Matrix(tf.cast(tf.round(weights_mk / scale_m1), integers), scale_m1 / LARGEST)


def empty_states(weights: StepWeights, num_streams: int) -> StepStates:
    """Return states that remember nothing, for so many streams."""
    sizes = [matrix.integers_mk.shape[1] for matrix, _ in weights.layers]
    return [(tf.zeros((4 * h, num_streams)), tf.zeros((h, num_streams))) for h in sizes]


def step(weights: StepWeights, ids_b: Any, states: StepStates) -> tuple[Any, StepStates]:
    """Return float32 logits_bv and the states after one character; to be called in a function that XLA compiles."""
    above_mb = tf.transpose(tf.gather(weights.table_vz, ids_b))
    new_states = []
    for (matrix, bias_m1), (recurrent_zb, cell_hb) in zip(weights.layers, states, strict=True):
        i, f, g, o = tf.split(recurrent_zb + above_mb, 4, axis=0)
        cell_hb = tf.sigmoid(f) * cell_hb + tf.sigmoid(i) * tf.tanh(g)
        sums_mb = _multiply(matrix, tf.round(tf.sigmoid(o) * tf.tanh(cell_hb) * LARGEST))
        num_gates = recurrent_zb.shape[0]
        new_states.append((sums_mb[:num_gates], cell_hb))
        above_mb = sums_mb[num_gates:] + bias_m1
    return tf.transpose(above_mb), new_states


def _multiply(matrix: Matrix, hidden_kb: Any) -> Any:
    # float32 counts exactly to 2**24. To pass it in bfloat16, the |weights| of a row would have to average 127 over
    # 1,040 columns; Gaussian ones average 25.
    integers = matrix.integers_mk.dtype
    sums = tf.int32 if integers == tf.int8 else tf.float32
    sums_mb = tf.matmul(matrix.integers_mk, tf.cast(hidden_kb, integers), output_type=sums)
    return tf.cast(sums_mb, tf.float32) * matrix.scale_m1
