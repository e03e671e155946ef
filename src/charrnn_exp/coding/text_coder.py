"""A model as a coder of texts: one compiled loop for both directions, so that both get the same whole numbers.

The probabilities of the next symbol are a function of the ids before it alone (sampling/stepper.py, in one stream). The
same loop follows ids that are given and ids that it decodes; it is compiled once for both.

Axes: b stream (always one), t time, n character, v vocabulary.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.coding.range_coder import (
    LEAST_RANGE,
    MAX_BYTES_PER_SYMBOL,
    STATE_BITS,
    TOTAL,
    TOTAL_BITS,
    WHOLE,
    RangeEncoder,
)
from charrnn_exp.data.vocabulary import Ids, id_type
from charrnn_exp.errors import MachineError
from charrnn_exp.model.network import Network
from charrnn_exp.sampling.stepper import StepStates, StepWeights, first_states, quantize, step

PIECE_LENGTH = 1000
"""Characters of a call of the compiled loop."""
DEVICE = "CPU:0"
"""One step of one stream is too little work for a GPU."""
DECODED = -1
"""Marks an id that is decoded rather than given."""


class Place(NamedTuple):
    """Where a text stands between two symbols.

    Args:
        logits_bv: of the next symbol.
        states: of the model.
        width: of the decoder's interval, int64.
        code: the bytes that are read, less the interval's start, int64.
    """

    logits_bv: Any
    states: StepStates
    width: Any
    code: Any


class TextCoder:
    """Codes texts by a network's probabilities.

    Args:
        network: its current weights are read once.
    """

    def __init__(self, network: Network) -> None:
        self._num_symbols = network.num_symbols
        with tf.device(DEVICE):
            self._weights = quantize(network, num_streams=1)

    def encode(self, ids_n: Ids) -> bytes:
        """Return a text as bytes.

        Raises:
            MachineError: if the network gives no probabilities.
        """
        encoder, place = RangeEncoder(), self._start(0)
        for at in range(0, len(ids_n), PIECE_LENGTH):
            given_t = ids_n[at : at + PIECE_LENGTH].astype(np.int32)
            _, starts_t, sizes_t, _, place = self._run(given_t, b"", place)
            if not np.all(np.isfinite(place.logits_bv)):
                raise MachineError("the weights are damaged: they give no probabilities. Use another checkpoint.")
            for start, size in zip(starts_t.tolist(), sizes_t.tolist(), strict=True):
                encoder.write(start, size)
        return encoder.finish()

    def decode(self, content: bytes, num_characters: int) -> Ids:
        """Return the ids of a text from its bytes; any bytes are those of some text."""
        at = STATE_BITS // 8
        place = self._start(int.from_bytes(content[:at].ljust(at, b"\0"), "big"))
        ids_n = np.empty(num_characters, id_type(self._num_symbols))
        for begin in range(0, num_characters, PIECE_LENGTH):
            unknown_t = np.full(min(PIECE_LENGTH, num_characters - begin), DECODED, np.int32)
            ids_t, _, _, num_read, place = self._run(unknown_t, content[at:], place)
            ids_n[begin : begin + len(ids_t)] = ids_t
            at += num_read
        return ids_n

    def _start(self, code: int) -> Place:
        """Return the place before a text, whose first symbol may be any with the same probability."""
        with tf.device(DEVICE):
            states, logits_bv = first_states(self._weights, 1), tf.zeros([1, self._num_symbols])
            return Place(logits_bv, states, tf.constant(WHOLE, tf.int64), tf.constant(code, tf.int64))

    def _run(self, given_t: npt.NDArray[np.int32], content: bytes, place: Place) -> tuple[Any, Any, Any, int, Place]:
        """Go on by a piece: return ids, starts, sizes, the number of bytes read, and the place after it.

        Shorter pieces are padded, to compile once.
        """
        num_steps, num_bytes = len(given_t), PIECE_LENGTH * MAX_BYTES_PER_SYMBOL
        padded = np.pad(given_t, (0, PIECE_LENGTH - num_steps))
        ahead = np.frombuffer(content[:num_bytes].ljust(num_bytes, b"\0"), np.uint8)
        with tf.device(DEVICE):
            arguments = (tf.constant(padded), tf.constant(ahead), tf.constant(num_steps))
            ids_t, starts_t, sizes_t, num_read, place = _compile_loop()(self._weights, *arguments, place)
        return *(each.numpy()[:num_steps] for each in (ids_t, starts_t, sizes_t)), int(num_read), place


def find_ends(logits_v: Any) -> Any:
    """Return the sums of the symbols' frequencies up to each symbol, its own included, int64; the last is TOTAL.

    A frequency is 1 and the symbol's share of the rest, rounded down. The last symbol also gets what is left by that.
    """
    num_symbols = logits_v.shape[0]
    shares_v = tf.nn.softmax(tf.cast(logits_v, tf.float64)) * float(TOTAL - num_symbols)
    ends_v = tf.cumsum(1 + tf.cast(tf.floor(shares_v), tf.int64))
    return tf.concat([ends_v[:-1], tf.constant([TOTAL], tf.int64)], 0)


@functools.cache
def _compile_loop() -> Any:
    """Return the loop; a process compiles it once for all networks of the same sizes."""

    def follow(weights: StepWeights, given_t: Any, content: Any, num_steps: Any, place: Place) -> tuple[Any, ...]:
        def body(t: Any, at: Any, place: Place, stacks: Any) -> tuple[Any, ...]:
            ends_v = find_ends(place.logits_bv[0])
            unit = tf.bitwise.right_shift(place.width, tf.constant(TOTAL_BITS, tf.int64))
            found = tf.reduce_sum(tf.cast(ends_v <= tf.minimum(place.code // unit, TOTAL - 1), tf.int32))
            symbol = tf.where(given_t[t] == DECODED, found, given_t[t])
            # By gather: XLA would take the place in `ends_v[symbol]` for a constant, and compile anew for each text.
            starts_v = tf.concat([tf.constant([0], tf.int64), ends_v[:-1]], 0)
            start = tf.gather(starts_v, symbol)
            size = tf.gather(ends_v, symbol) - start
            width, code, at = _read_bytes(unit * size, place.code - unit * start, content, at)
            logits_bv, states = step(weights, symbol[None], place.states)
            stacks = [stack.write(t, each) for stack, each in zip(stacks, (symbol, start, size), strict=True)]
            return t + 1, at, Place(logits_bv, states, width, code), stacks

        stacks = [tf.TensorArray(dtype, PIECE_LENGTH, element_shape=[]) for dtype in (tf.int32, tf.int64, tf.int64)]
        start = (tf.constant(0), tf.constant(0), place, stacks)
        _, at, place, stacks = tf.while_loop(lambda t, *_: t < num_steps, body, start)
        return *(stack.stack() for stack in stacks), at, place

    return tf.function(follow, jit_compile=True, autograph=False)


def _read_bytes(width: Any, code: Any, content: Any, at: Any) -> tuple[Any, Any, Any]:
    """Return width and code with as many bytes more as the width lacks, and the place of the next byte."""
    eight = tf.constant(8, tf.int64)
    for _ in range(MAX_BYTES_PER_SYMBOL):
        is_small = width < LEAST_RANGE
        byte = tf.cast(tf.gather(content, tf.minimum(at, content.shape[0] - 1)), tf.int64)
        code = tf.where(is_small, tf.bitwise.left_shift(code, eight) + byte, code)
        width = tf.where(is_small, tf.bitwise.left_shift(width, eight), width)
        at += tf.cast(is_small, tf.int32)
    return width, code, at
