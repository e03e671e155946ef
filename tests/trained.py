"""A well-trained model and its text, kept in tests/data/trained; its maths in float64.

It is one LSTM of 160 units, trained for 30 epochs (6,570 updates) on the first 90 % of the text:
`dataset=file dataset.path=text.txt model.hidden_size=160 model.embedding_dim=48 training.epochs=30
training.precision=float32`. The text is a million characters of this project's own Python. Errors of arithmetic grow
with training, so claims about them are tested here.

Axes: b stream, t time, n character, v vocabulary, h hidden units, z gates.
"""

import functools
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.model.weights import load_weights

HERE = Path(__file__).parent / "data" / "trained"
HIDDEN_SIZE, EMBEDDING_DIM = 160, 48
Array = npt.NDArray[np.float64]


@functools.cache
def read_text() -> str:
    return lzma.decompress((HERE / "text.txt.xz").read_bytes()).decode("ascii")


@functools.cache
def read_ids() -> npt.NDArray[np.uint8]:
    """Return ids_n of the whole text; the last tenth is validation text."""
    points_n = np.frombuffer(read_text().encode("ascii"), np.uint8)
    return np.searchsorted(np.unique(points_n), points_n).astype(np.uint8)


def read_weights() -> dict[str, npt.NDArray[np.float32]]:
    with np.load(HERE / "weights.npz") as arrays:
        return dict(arrays)


def build(model: SizedModel, precision: str) -> Network:
    """Return the network.

    Args:
        model: its cell, sizes and number of layers are replaced.
        precision: "float32" or "bfloat16".
    """
    import dataclasses

    changes: dict[str, Any] = {"cell": "lstm", "num_layers": 1, "dropout": 0.0}
    model = dataclasses.replace(model, hidden_size=HIDDEN_SIZE, embedding_dim=EMBEDDING_DIM, **changes)
    network = Network(num_symbols=int(read_ids().max()) + 1, model=model, precision=precision, seed=1)
    load_weights(network, read_weights())
    return network


def find_log_probabilities(ids_bt: npt.NDArray[Any]) -> Array:
    """Return log-probabilities_btv after each character, in float64 from an empty state."""
    w = {name: array.astype(np.float64) for name, array in read_weights().items()}
    inputs_vz = w["embedding.embeddings"] @ w["lstm_1.kernel"] + w["lstm_1.bias"]
    hidden_bh = cell_bh = np.zeros((len(ids_bt), HIDDEN_SIZE))
    hidden = []
    for ids_b in np.transpose(ids_bt):
        z_bz = inputs_vz[ids_b] + hidden_bh @ w["lstm_1.recurrent_kernel"]
        i, f, g, o = np.split(z_bz, 4, axis=1)
        cell_bh = _sigmoid(f) * cell_bh + _sigmoid(i) * np.tanh(g)
        hidden_bh = _sigmoid(o) * np.tanh(cell_bh)
        hidden.append(hidden_bh)
    logits_btv = np.stack(hidden, axis=1) @ w["output.kernel"] + w["output.bias"]
    logits_btv -= logits_btv.max(axis=-1, keepdims=True)
    return logits_btv - np.log(np.exp(logits_btv).sum(axis=-1, keepdims=True))


def find_loss(ids_n: npt.NDArray[Any]) -> float:
    """Return the loss of one stream over the whole text, nats per character."""
    log_p_nv = find_log_probabilities(ids_n[None, :-1])[0]
    return float(-np.mean(log_p_nv[np.arange(len(log_p_nv)), ids_n[1:]]))


def _sigmoid(z: Array) -> Array:
    return 0.5 * (np.tanh(0.5 * z) + 1.0)
