"""Generation of text in pieces, each by one compiled loop.

Axes: b stream, t time, v vocabulary.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.model.ensemble import average_probabilities
from charrnn_exp.model.network import Network
from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.pick import Memories, advance_memories, find_filters, pick, start_memories
from charrnn_exp.sampling.stepper import StepStates, StepWeights, first_states, quantize, step
from charrnn_exp.sampling.stop import Stop

PIECE_LENGTH = 250
"""Characters per piece: about a twentieth of a second."""
DEVICE = "CPU:0"
"""Sampling runs on the CPU even beside a GPU: one step of one stream is too little work for a GPU."""
DRAWN = -1
"""Marks an id that is drawn rather than given."""

Ids = npt.NDArray[np.int32]


class Position(NamedTuple):
    """The place in several texts from which they go on.

    Args:
        ids_b: the last symbol of each text, which the networks have not read.
        states: of each network, before these symbols.
        memories: of the filters, before these symbols.
    """

    ids_b: Any
    states: list[StepStates]
    memories: Memories


class Sampler:
    """Draws text from a network, or from several whose probabilities are averaged.

    Args:
        networks: of one vocabulary; their weights are read at each call, so one sampler serves a whole training run.
        sampling: temperature and filters; prompt, length, seed and stop text are arguments of each call.
        weights: of networks that do not change, from `quantize_networks`; None: they are quantized at each call.
    """

    def __init__(
        self, networks: Sequence[Network], sampling: SamplingConfig, weights: list[StepWeights] | None = None
    ) -> None:
        self._networks, self._weights = networks, weights
        self._filters = tuple(find_filters(sampling))
        self._numbers = _list_numbers(sampling.temperature, self._filters)
        self._read_or_draw = _compile_loop(find_way(sampling))

    def stream(
        self,
        prompt_ids_t: Ids,
        *,
        length: int,
        num_samples: int,
        seed: int,
        stop_ids_t: Ids | None = None,
        piece_length: int | None = None,
    ) -> Iterator[list[Ids]]:
        """Yield pieces of the generated texts, without the prompt: for each text the ids [t] that come next.

        Args:
            prompt_ids_t: ids that the network reads first, at least one.
            length: characters to generate per text.
            num_samples: b; text i depends on the seed and i only.
            seed: of the draws.
            stop_ids_t: a text ends with these ids where it comes to them; None: off.
            piece_length: characters of a piece, up to `PIECE_LENGTH`, None: as many; the texts do not depend on it.
        """
        weights = self._quantize(num_samples)
        position = self.read(prompt_ids_t, num_samples=num_samples, weights=weights)
        generators = [np.random.default_rng([seed, i]) for i in range(num_samples)]
        stop = Stop(stop_ids_t, num_samples)
        at_once = piece_length or PIECE_LENGTH
        for start in range(0, length, at_once):
            num_steps = min(at_once, length - start)
            ids_bt, position = self.draw(position, generators, num_steps=num_steps, weights=weights)
            yield stop.cut(ids_bt)
            if stop.is_reached:
                return

    def texts(
        self, prompt_ids_t: Ids, *, length: int, num_samples: int, seed: int, stop_ids_t: Ids | None = None
    ) -> list[Ids]:
        """Return the whole texts as ids, the prompt before each; arguments as for `stream`."""
        pieces = [[prompt_ids_t] * num_samples]
        pieces += self.stream(prompt_ids_t, length=length, num_samples=num_samples, seed=seed, stop_ids_t=stop_ids_t)
        return [np.concatenate(text) for text in zip(*pieces, strict=True)]

    def read(
        self, ids_t: Ids, position: Position | None = None, *, num_samples: int = 1, weights: Any = None
    ) -> Position:
        """Return the position after ids that are given, at least one.

        Args:
            ids_t: the same for each text.
            position: after which they stand; None: the start of a text.
            num_samples: b.
            weights: quantized for as many texts; None: they are quantized now.
        """
        weights = weights or self._quantize(num_samples)
        if position is None:
            with tf.device(DEVICE):
                position = Position(
                    tf.fill([num_samples], tf.constant(ids_t[0], tf.int32)),
                    [first_states(each, num_samples) for each in weights],
                    start_memories(self._filters, num_samples),
                )
            ids_t = ids_t[1:]
        given_tb = np.tile(ids_t[:, None], [1, num_samples])
        for start in range(0, len(given_tb), PIECE_LENGTH):
            piece_tb = given_tb[start : start + PIECE_LENGTH]
            _, position = self._run(weights, piece_tb, np.zeros(piece_tb.shape, np.float32), position)
        return position

    def draw(
        self, position: Position, generators: Sequence[np.random.Generator], *, num_steps: int, weights: Any = None
    ) -> tuple[npt.NDArray[np.int32], Position]:
        """Return the next ids_bt of each text, at most `PIECE_LENGTH` of them, and the position after them.

        Args:
            position: of the texts.
            generators: of the draws, one a text.
            num_steps: t.
            weights: as for `read`.
        """
        uniforms_tb = np.stack([each.random(num_steps, dtype=np.float32) for each in generators], axis=1)
        weights = weights or self._quantize(len(generators))
        ids_tb, position = self._run(weights, np.full(uniforms_tb.shape, DRAWN), uniforms_tb, position)
        return ids_tb.T, position

    def _quantize(self, num_samples: int) -> list[StepWeights]:
        return self._weights or quantize_networks(self._networks, num_streams=num_samples)

    def _run(
        self,
        weights: list[StepWeights],
        given_tb: npt.NDArray[Any],
        uniforms_tb: npt.NDArray[Any],
        position: Position,
    ) -> tuple[npt.NDArray[np.int32], Position]:
        """Go on from a position; shorter pieces are padded to compile once."""
        padding = ((0, PIECE_LENGTH - len(given_tb)), (0, 0))
        given_tb, num_steps = np.pad(given_tb, padding).astype(np.int32), len(given_tb)
        with tf.device(DEVICE):
            arguments = (tf.constant(given_tb), tf.constant(np.pad(uniforms_tb, padding)), tf.constant(num_steps))
            ids_tb, position = self._read_or_draw(weights, self._numbers, *arguments, position)
        return ids_tb.numpy()[:num_steps], position


def quantize_networks(networks: Sequence[Network], *, num_streams: int) -> list[StepWeights]:
    """Return the weights of networks as they are now, for so many texts at once; see `quantize`."""
    with tf.device(DEVICE):
        return [quantize(network, num_streams=num_streams) for network in networks]


def find_logits(weights: Sequence[StepWeights], ids_b: Any, states: Sequence[StepStates]) -> tuple[Any, Any]:
    """Return the logits_bv of one network, or float64 logarithms of the mean probability of several, and the states."""
    found = [step(each, ids_b, before) for each, before in zip(weights, states, strict=True)]
    after = [states for _, states in found]
    if len(found) == 1:
        return found[0][0], after
    return average_probabilities([tf.cast(logits_bv, tf.float64) for logits_bv, _ in found]), after


class Way(NamedTuple):
    """What sets one compiled loop apart from another: all of a way to draw but its numbers that are not whole.

    Args:
        is_greedy: whether the likeliest symbol is picked, at temperature 0.
        filters: that are on, each with its value where that is a whole number.
    """

    is_greedy: bool
    filters: tuple[tuple[Filter, int | None], ...]


def find_way(sampling: SamplingConfig) -> Way:
    """Return the way to draw by these settings."""
    fixed = tuple((each, None if each.kind is float else value) for each, value in find_filters(sampling))
    return Way(sampling.temperature == 0.0, fixed)


def forget_ways() -> None:
    """Free the compiled loops."""
    _compile_loop.cache_clear()


def _list_numbers(temperature: float, filters: Sequence[tuple[Filter, Any]]) -> npt.NDArray[np.float64]:
    """Return the temperature and the values of filters that are no whole numbers, in their order."""
    return np.array([temperature, *(value for each, value in filters if each.kind is float)], np.float64)


@functools.cache
def _compile_loop(way: Way) -> Any:
    """Return the loop of one way to draw; a process compiles it once for all networks of the same sizes."""

    def read_or_draw(
        weights: list[StepWeights], numbers: Any, given_tb: Any, uniforms_tb: Any, num_steps: Any, position: Position
    ) -> tuple[Any, Position]:
        temperature, *values = tf.unstack(numbers)
        filters = [(each, values.pop(0) if each.kind is float else whole) for each, whole in way.filters]

        def body(t: Any, position: Position, ids_tb: Any) -> tuple[Any, ...]:
            memories = advance_memories(filters, position.memories, position.ids_b)
            logits_bv, states = find_logits(weights, position.ids_b, position.states)
            drawn_b = pick(logits_bv, uniforms_tb[t], 0.0 if way.is_greedy else temperature, filters, memories)
            ids_b = tf.where(given_tb[t] == DRAWN, drawn_b, given_tb[t])
            return t + 1, Position(ids_b, states, memories), ids_tb.write(t, ids_b)

        stack = tf.TensorArray(tf.int32, size=given_tb.shape[0], element_shape=position.ids_b.shape)
        start = (tf.constant(0), position, stack)
        _, position, stack = tf.while_loop(lambda t, *_: t < num_steps, body, start)
        return stack.stack(), position

    return tf.function(read_or_draw, jit_compile=True, autograph=False)
