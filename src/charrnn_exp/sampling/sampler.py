"""Generation of text in pieces, each by one compiled loop.

Axes: b stream, t time, v vocabulary.
"""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.config.schema import SamplingConfig
from charrnn_exp.model.network import Network
from charrnn_exp.sampling.filters.filter import Filter
from charrnn_exp.sampling.pick import find_filters, pick
from charrnn_exp.sampling.stepper import StepStates, StepWeights, first_states, quantize, step

PIECE_LENGTH = 250
"""Characters per piece: about a twentieth of a second."""
DEVICE = "CPU:0"
"""Sampling runs on the CPU even beside a GPU: one step of one stream is too little work for a GPU."""
DRAWN = -1
"""Marks an id that is drawn rather than given."""


class Sampler:
    """Draws text from a network.

    Args:
        network: its weights are read at each call, so one sampler serves a whole training run.
        sampling: temperature and filters; prompt, length and seed are arguments of each call.
    """

    def __init__(self, network: Network, sampling: SamplingConfig) -> None:
        self._network = network
        self._read_or_draw = _compile_loop(sampling.temperature, tuple(find_filters(sampling)))

    def stream(
        self, prompt_ids_t: npt.NDArray[np.int32], *, length: int, num_samples: int, seed: int
    ) -> Iterator[npt.NDArray[np.int32]]:
        """Yield pieces ids_bt of the generated texts, without the prompt.

        Args:
            prompt_ids_t: ids that the network reads first, at least one.
            length: characters to generate per text.
            num_samples: b; text i depends on the seed and i only.
            seed: of the draws.
        """
        with tf.device(DEVICE):
            weights = quantize(self._network, num_streams=num_samples)
        generators = [np.random.default_rng([seed, i]) for i in range(num_samples)]
        given_tb = np.tile(prompt_ids_t[1:, None], [1, num_samples])
        ids_b = tf.fill([num_samples], tf.constant(prompt_ids_t[0], tf.int32))
        position = (ids_b, first_states(weights, num_samples))
        for start in range(0, len(given_tb), PIECE_LENGTH):
            piece_tb = given_tb[start : start + PIECE_LENGTH]
            _, position = self._run(weights, piece_tb, np.zeros(piece_tb.shape, np.float32), position)
        for start in range(0, length, PIECE_LENGTH):
            piece_length = min(PIECE_LENGTH, length - start)
            uniforms_tb = np.stack([g.random(piece_length, dtype=np.float32) for g in generators], axis=1)
            ids_tb, position = self._run(weights, np.full(uniforms_tb.shape, DRAWN), uniforms_tb, position)
            yield ids_tb.T

    def texts(
        self, prompt_ids_t: npt.NDArray[np.int32], *, length: int, num_samples: int, seed: int
    ) -> list[npt.NDArray[np.int32]]:
        """Return the whole texts as ids, the prompt before each; arguments as for `stream`."""
        pieces = list(self.stream(prompt_ids_t, length=length, num_samples=num_samples, seed=seed))
        return [np.concatenate([prompt_ids_t, ids_t]) for ids_t in np.concatenate(pieces, axis=1)]

    def _run(
        self, weights: StepWeights, given_tb: npt.NDArray[Any], uniforms_tb: npt.NDArray[Any], position: Any
    ) -> tuple[npt.NDArray[np.int32], Any]:
        """Go on from a position (the last ids, states before them); shorter pieces are padded to compile once."""
        padding = ((0, PIECE_LENGTH - len(given_tb)), (0, 0))
        given_tb, num_steps = np.pad(given_tb, padding).astype(np.int32), len(given_tb)
        with tf.device(DEVICE):
            arguments = (tf.constant(given_tb), tf.constant(np.pad(uniforms_tb, padding)), tf.constant(num_steps))
            ids_tb, position = self._read_or_draw(weights, *arguments, *position)
        return ids_tb.numpy()[:num_steps], position


@functools.cache
def _compile_loop(temperature: float, filters: tuple[tuple[Filter, Any], ...]) -> Any:
    """Return the loop of one way to draw; a process compiles it once for all networks of the same sizes."""

    def read_or_draw(
        weights: StepWeights, given_tb: Any, uniforms_tb: Any, num_steps: Any, ids_b: Any, states: StepStates
    ) -> tuple[Any, tuple[Any, StepStates]]:
        def body(t: Any, ids_b: Any, states: Any, ids_tb: Any) -> tuple[Any, ...]:
            logits_bv, states = step(weights, ids_b, states)
            drawn_b = pick(logits_bv, uniforms_tb[t], temperature, filters)
            ids_b = tf.where(given_tb[t] == DRAWN, drawn_b, given_tb[t])
            return t + 1, ids_b, states, ids_tb.write(t, ids_b)

        stack = tf.TensorArray(tf.int32, size=given_tb.shape[0], element_shape=ids_b.shape)
        start = (tf.constant(0), ids_b, states, stack)
        _, ids_b, states, stack = tf.while_loop(lambda t, *_: t < num_steps, body, start)
        return stack.stack(), (ids_b, states)

    return tf.function(read_or_draw, jit_compile=True, autograph=False)
