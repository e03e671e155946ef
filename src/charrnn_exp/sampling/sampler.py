"""Generation: the whole text in one compiled loop, piece by piece, so that it can be shown as it grows.

Axes: b stream, t time, v vocabulary.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.model.network import Network
from charrnn_exp.sampling.filters import pick

PIECE_LENGTH = 250
"""Characters per piece: about a tenth of a second."""


class Sampler:
    """Draws text from a network.

    Args:
        network: its weights are read at each call, so one sampler serves a whole training run.
        temperature: see `SamplingConfig`.
        top_k: see `SamplingConfig`.
    """

    def __init__(self, network: Network, *, temperature: float, top_k: int | None) -> None:
        self._network = network
        self._temperature = temperature
        self._top_k = top_k
        self._generate = tf.function(self._generate_piece, reduce_retracing=True)
        self._read = tf.function(self._read_prompt, reduce_retracing=True)

    def stream(
        self, prompt_ids_t: npt.NDArray[np.int32], *, length: int, num_samples: int, seed: int
    ) -> Iterator[npt.NDArray[np.int32]]:
        """Yield pieces ids_bt of the generated texts, without the prompt.

        Args:
            prompt_ids_t: what the network reads first, at least one id.
            length: characters to generate per text.
            num_samples: b; text i depends on the seed and i only.
            seed: of the draws.
        """
        prompt_ids_tb = tf.tile(tf.constant(prompt_ids_t)[:, None], [1, num_samples])
        logits_bv, states = self._read(prompt_ids_tb, self._network.empty_states(num_samples))
        generators = [np.random.default_rng([seed, i]) for i in range(num_samples)]
        for start in range(0, length, PIECE_LENGTH):
            piece_length = min(PIECE_LENGTH, length - start)
            uniforms_tb = np.stack([g.random(piece_length, dtype=np.float32) for g in generators], axis=1)
            ids_tb, logits_bv, states = self._generate(tf.constant(uniforms_tb), logits_bv, states)
            yield ids_tb.numpy().T

    def texts(
        self, prompt_ids_t: npt.NDArray[np.int32], *, length: int, num_samples: int, seed: int
    ) -> list[npt.NDArray[np.int32]]:
        """Return the whole texts as ids, the prompt before each; arguments as for `stream`."""
        pieces = list(self.stream(prompt_ids_t, length=length, num_samples=num_samples, seed=seed))
        return [np.concatenate([prompt_ids_t, ids_t]) for ids_t in np.concatenate(pieces, axis=1)]

    def _read_prompt(self, ids_tb: Any, states: Any) -> tuple[Any, Any]:
        """Return logits and states after the prompt, read as characters are drawn: one at a time."""

        def body(t: Any, _: Any, states: Any) -> tuple[Any, ...]:
            return t + 1, *self._network.step(ids_tb[t], states)

        loop_variables = (tf.constant(1), *self._network.step(ids_tb[0], states))
        _, logits_bv, states = tf.while_loop(lambda t, *_: t < tf.shape(ids_tb)[0], body, loop_variables)
        return logits_bv, states

    def _generate_piece(self, uniforms_tb: Any, logits_bv: Any, states: Any) -> tuple[Any, Any, Any]:
        length = tf.shape(uniforms_tb)[0]

        def body(t: Any, logits_bv: Any, states: Any, picked: Any) -> tuple[Any, ...]:
            ids_b = pick(logits_bv, uniforms_tb[t], temperature=self._temperature, top_k=self._top_k)
            logits_bv, states = self._network.step(ids_b, states)
            return t + 1, logits_bv, states, picked.write(t, ids_b)

        picked = tf.TensorArray(tf.int32, size=length, element_shape=[None])
        loop_variables = (tf.constant(0), logits_bv, states, picked)
        _, logits_bv, states, picked = tf.while_loop(lambda t, *_: t < length, body, loop_variables)
        return picked.stack(), logits_bv, states
