"""A trained model to call from Python: ids in, log-probabilities and state out, all in numpy.

Axes: b stream, t time, v vocabulary, h hidden units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_scoring_memory
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights

State = list[tuple[npt.NDArray[np.float32], ...]]
"""The states of each recurrent layer, `[b, h]` each: one for a GRU, two for an LSTM."""


@dataclass(frozen=True, repr=False)
class LoadedModel:
    """The model of a run.

    Args:
        name: the run and the checkpoint, for people.
        vocabulary: its symbols.
        network: of Keras.
    """

    name: str
    vocabulary: Vocabulary
    network: Any

    def __repr__(self) -> str:
        """Return three lines: the run and its checkpoint, the sizes, how to call it."""
        return (
            f"model of {self.name}\n"
            f"{len(self.vocabulary)} symbols, {self.network.count_params():,} weights\n"
            "log_probs_btv, state = model(ids_bt, state)"
        )

    def __call__(self, ids_bt: npt.ArrayLike, state: State | None = None) -> tuple[npt.NDArray[np.float64], State]:
        """Return the log-probabilities of the symbol after each one, and the state after the last.

        Args:
            ids_bt: ids of symbols, `[b, t]`, or `[t]` for one stream.
            state: after the characters before, as returned; None: the start of a text.

        Returns:
            float64 `[b, t, v]` in nats, and the state.

        Raises:
            UserError: if the ids are no symbols, or the state is of another number of streams.
        """
        import tensorflow as tf

        ids = np.atleast_2d(np.asarray(ids_bt))
        if ids.ndim != 2 or ids.size == 0 or ids.dtype.kind not in "iu":
            raise UserError(f"ids must be whole numbers [b, t], got {ids.dtype} {ids.shape}.")
        if not (ids.min() >= 0 and ids.max() < len(self.vocabulary)):
            raise UserError(f"ids must be in [0, {len(self.vocabulary)}), got {ids.min()} to {ids.max()}.")
        if state is not None and any(len(part_bh) != len(ids) for layer in state for part_bh in layer):
            raise UserError(f"state must be of {len(ids)} streams, as ids, got {len(state[0][0])}.")
        before = self.network.first_states(len(ids))
        if state is not None:
            before = [tuple(tf.cast(part, like.dtype) for part, like in zip(*each, strict=True)) for each in
                      zip(state, before, strict=True)]  # fmt: skip
        logits_btv, after = self.network(tf.constant(ids.astype(np.int32)), before, training=False)
        logits = logits_btv.numpy().astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        log_probs_btv = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        return log_probs_btv, [tuple(tf.cast(part, tf.float32).numpy() for part in layer) for layer in after]

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the ids of a text, `[t]`.

        Raises:
            UserError: if it has symbols that the model does not know.
        """
        return self.vocabulary.encode(text, key="text")

    def decode(self, ids_t: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the text of ids."""
        return self.vocabulary.decode(np.asarray(ids_t))


def load_model(folder: RunFolder, checkpoint: str | None, *, warn: Callable[[str], None]) -> LoadedModel:
    """Return the model of a run.

    Args:
        folder: of the run.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        CharRNNError: if the run has no checkpoint, or memory is short.
    """
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    check_scoring_memory(resolve(config.model, num_symbols=len(vocabulary)), num_symbols=len(vocabulary))
    facts = {"vocabulary_sha256": vocabulary.sha256}
    weights = read_trained_weights(folder, checkpoint, facts=facts, warn=warn)
    import_tensorflow()
    from charrnn_exp.model.weights import build_trained_network

    network = build_trained_network(config, weights, vocabulary)
    return LoadedModel(f"run {folder.path}, checkpoint {checkpoint}", vocabulary, network)
