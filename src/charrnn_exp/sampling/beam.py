"""Beam search: the likeliest texts, found by keeping the likeliest beginnings.

Axes: b stream (a beam), t time, v vocabulary, z gates.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.model.network import Network
from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.pick import advance_memories, apply_filters, find_filters
from charrnn_exp.sampling.sampler import DEVICE, PIECE_LENGTH, Position, Sampler, find_logits
from charrnn_exp.sampling.stepper import StepWeights, quantize

ENDED = -1
"""Stands after the end of a text that came to the stop text."""

Ids = npt.NDArray[np.int32]


class Beams(NamedTuple):
    """The likeliest beginnings of texts.

    Args:
        position: of each.
        scores_b: float64 log-probability of each after the prompt, falling; minus infinity for one that is none.
        tails_bt: its newest symbols, as many as the stop text has.
    """

    position: Position
    scores_b: Any
    tails_bt: Any


class BeamSearch:
    """Finds the texts of the highest probability under a network, or the mean of several.

    At each character every beginning is continued by every symbol, and the likeliest are kept. The probability of a
    text is the product over its characters after the prompt, at temperature 1; filters rule symbols out and change no
    probability. A text that came to the stop text keeps its place. With as many beams as there are texts nothing is
    missed.

    Args:
        networks: of one vocabulary.
        sampling: its filters.
        num_beams: b.
    """

    def __init__(self, networks: Sequence[Network], sampling: SamplingConfig, *, num_beams: int) -> None:
        self._networks, self._num_beams = networks, num_beams
        self._filters = tuple(find_filters(sampling))
        self._reader = Sampler(networks, sampling)

    def find(
        self, prompt_ids_t: Ids, *, length: int, num_texts: int, stop_ids_t: Ids | None = None
    ) -> list[tuple[Ids, float]]:
        """Return the likeliest texts, the prompt before each, and their log-probabilities in nats, falling.

        Args:
            prompt_ids_t: ids that the network reads first, at least one.
            length: characters per text.
            num_texts: at most as many as there are beams; fewer are returned where there are no more texts.
            stop_ids_t: a text ends with these ids where it comes to them; None: off.
        """
        with tf.device(DEVICE):
            weights = [quantize(network, num_streams=self._num_beams) for network in self._networks]
        stop_t = np.zeros(0, np.int32) if stop_ids_t is None else stop_ids_t
        beams = Beams(
            self._reader.read(prompt_ids_t, num_samples=self._num_beams, weights=weights),
            tf.constant([0.0] + [-math.inf] * (self._num_beams - 1), tf.float64),
            tf.fill([self._num_beams, len(stop_t)], ENDED),
        )
        search, pieces = _compile_search(self._filters, tuple(stop_t.tolist())), []
        for start in range(0, length, PIECE_LENGTH):
            with tf.device(DEVICE):
                num_steps = min(PIECE_LENGTH, length - start)
                ids_tb, parents_tb, beams = search(weights, tf.constant(num_steps), beams)
            pieces.append((ids_tb.numpy()[:num_steps], parents_tb.numpy()[:num_steps]))
        ids_bt = _trace(pieces)
        scores = beams.scores_b.numpy()[:num_texts]
        return [
            (np.concatenate([prompt_ids_t, ids_t[ids_t != ENDED]]), float(score))
            for ids_t, score in zip(ids_bt[:num_texts], scores, strict=True)
            if score > -math.inf
        ]


def _trace(pieces: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> npt.NDArray[np.int32]:
    """Return ids_bt of the texts that are left at the end, each back to its beginning."""
    ids_tb, parents_tb = (np.concatenate(each) for each in zip(*pieces, strict=True))
    traced_tb, beams_b = np.empty_like(ids_tb), np.arange(ids_tb.shape[1])
    for t in reversed(range(len(ids_tb))):
        traced_tb[t] = ids_tb[t, beams_b]
        beams_b = parents_tb[t, beams_b]
    return traced_tb.T


@functools.cache
def _compile_search(filters: tuple[tuple[Filter, Any], ...], stop_ids: tuple[int, ...]) -> Any:
    """Return the loop of one search: from num_steps and beams to ids_tb, parents_tb and beams."""

    def search(weights: list[StepWeights], num_steps: Any, beams: Beams) -> tuple[Any, Any, Beams]:
        num_beams = beams.scores_b.shape[0]

        def body(t: Any, beams: Beams, ids_tb: Any, parents_tb: Any) -> tuple[Any, ...]:
            parents_b, ids_b, beams = _advance(weights, filters, stop_ids, beams)
            return t + 1, beams, ids_tb.write(t, ids_b), parents_tb.write(t, parents_b)

        stacks = [tf.TensorArray(tf.int32, size=PIECE_LENGTH, element_shape=[num_beams]) for _ in range(2)]
        _, beams, *stacks = tf.while_loop(lambda t, *_: t < num_steps, body, (tf.constant(0), beams, *stacks))
        return stacks[0].stack(), stacks[1].stack(), beams

    return tf.function(search, jit_compile=True, autograph=False)


def _advance(
    weights: list[StepWeights], filters: tuple[tuple[Filter, Any], ...], stop_ids: tuple[int, ...], beams: Beams
) -> tuple[Any, Any, Beams]:
    """Return for each of the next beams the one that it continues, its symbol, and the beams."""
    num_beams, position = beams.scores_b.shape[0], beams.position
    memories = advance_memories(filters, position.memories, position.ids_b)
    logits_bv, states = find_logits(weights, position.ids_b, position.states)
    logs_bv = tf.nn.log_softmax(tf.cast(logits_bv, tf.float64))
    is_left_bv = tf.math.is_finite(apply_filters(logs_bv, filters, memories))
    logs_bv = tf.where(is_left_bv, logs_bv, tf.constant(-math.inf, tf.float64))
    has_ended_b = tf.reduce_all(beams.tails_bt == tf.constant(stop_ids, tf.int32), axis=1) & bool(stop_ids)
    num_symbols = logs_bv.shape[1]
    stays_v = tf.where(tf.range(num_symbols) == 0, tf.constant(0.0, tf.float64), tf.constant(-math.inf, tf.float64))
    candidates_bv = beams.scores_b[:, None] + tf.where(has_ended_b[:, None], stays_v, logs_bv)
    scores_b, chosen_b = tf.math.top_k(tf.reshape(candidates_bv, [-1]), num_beams)
    parents_b, symbols_b = chosen_b // num_symbols, chosen_b % num_symbols
    stays_b = tf.gather(has_ended_b, parents_b)
    ids_b = tf.where(stays_b, ENDED, symbols_b)
    tails_bt = tf.gather(beams.tails_bt, parents_b)
    if stop_ids:
        tails_bt = tf.where(stays_b[:, None], tails_bt, tf.concat([tails_bt[:, 1:], symbols_b[:, None]], axis=1))
    after = Position(
        symbols_b,
        tf.nest.map_structure(lambda state_zb: tf.gather(state_zb, parents_b, axis=1), states),
        tf.nest.map_structure(lambda memory_b: tf.gather(memory_b, parents_b), memories),
    )
    return parents_b, ids_b, Beams(after, scores_b, tails_bt)
