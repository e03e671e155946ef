"""The losses of a network on a text, and its likeliest symbols at each character.

Axes: b stream, t time, n character, p scored character (all but the first), k matrix columns (the likeliest symbols,
best first), v vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.streams import MAX_LOGITS

WINDOW = 256
"""Characters that are read at once, of one size: each size is compiled anew."""
NUM_STREAMS = 16
"""Streams that a long text is read in."""
WARMUP = 256
"""Characters that each stream reads before its own, unscored."""

Losses = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Guesses:
    """What a network expected at each character of a text but the first.

    Args:
        losses_p: negative log-probability of the character that follows, nats.
        ids_pk: the likeliest symbols, best first.
        probabilities_pk: of these, in [0, 1].
    """

    losses_p: Losses
    ids_pk: npt.NDArray[np.int64]
    probabilities_pk: npt.NDArray[np.float64]


def read_guesses(network: Any, ids_n: npt.NDArray[Any], *, count: int) -> Guesses:
    """Return the guesses of one stream that starts empty.

    Args:
        network: is not changed.
        ids_n: ids of the text, at least two.
        count: likeliest symbols for each character; at most v are returned.
    """
    import tensorflow as tf

    targets_p, states = ids_n[1:].astype(np.int64), network.first_states(1)
    predict = tf.function(lambda ids_bt, states: network(ids_bt, states, training=False), autograph=False)
    losses, ids, probabilities = [], [], []
    for start in range(0, len(targets_p), WINDOW):
        window_t = ids_n[start : start + WINDOW + 1]
        num = len(window_t) - 1
        padded_1t = np.zeros((1, WINDOW), np.int32)
        padded_1t[0, :num] = window_t[:num]
        logits_btv, states = predict(tf.constant(padded_1t), states)
        logs_pv = normalize(logits_btv.numpy()[0, :num])
        losses.append(-logs_pv[np.arange(num), targets_p[start : start + num]])
        # A stable sort: of symbols that are equally likely the first comes first.
        ids.append(np.argsort(-logs_pv, axis=1, kind="stable")[:, :count])
        probabilities.append(np.exp(np.take_along_axis(logs_pv, ids[-1], axis=1)))
    return Guesses(np.concatenate(losses), np.concatenate(ids), np.concatenate(probabilities))


def read_losses(network: Any, ids_n: npt.NDArray[Any]) -> Losses:
    """Return the loss of each character but the first, nats, read in streams, window by window.

    Each stream but the first reads the `WARMUP` characters before its own; the first starts empty.

    Args:
        network: is not changed.
        ids_n: ids of the text, at least two.
    """
    import tensorflow as tf

    num = len(ids_n) - 1
    num_streams = max(1, min(NUM_STREAMS, num // WARMUP))
    length = -(-num // num_streams)
    first_b = np.arange(num_streams) * length
    warmup_b = np.minimum(first_b, WARMUP)
    largest = max(1, MAX_LOGITS // (num_streams * network.num_symbols))
    num_windows = -(-(WARMUP + length) // largest)
    window = -(-(WARMUP + length) // num_windows)

    def read(ids_bt: Any, states: Any) -> tuple[Any, Any]:
        logits_btv, states = network(ids_bt[:, :-1], states, training=False)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(ids_bt[:, 1:], logits_btv), states

    read_compiled, states, found = tf.function(read, autograph=False), network.first_states(num_streams), []
    for number in range(num_windows):
        at_bt = (first_b - warmup_b)[:, None] + number * window + np.arange(window + 1)
        losses_bt, states = read_compiled(tf.constant(ids_n[np.minimum(at_bt, num)].astype(np.int32)), states)
        found.append(losses_bt.numpy())
    losses_bt = np.concatenate(found, axis=1)
    rows = [losses_t[warmup : warmup + length] for losses_t, warmup in zip(losses_bt, warmup_b, strict=True)]
    losses_p: Losses = np.concatenate(rows)[:num].astype(np.float64)
    return losses_p


def normalize(logits_pv: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return log-probabilities."""
    logits_pv = logits_pv.astype(np.float64)
    logits_pv -= logits_pv.max(axis=1, keepdims=True)
    logs_pv: npt.NDArray[np.float64] = logits_pv - np.log(np.exp(logits_pv).sum(axis=1, keepdims=True))
    return logs_pv
