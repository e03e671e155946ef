"""How far back a guess depends on the text before it.

Axes: b stream (a place in the text whose character is guessed), t time, n character, v vocabulary,
e input features.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.streams import MAX_LOGITS

WARMUP = 64
"""Characters that are read before those that are looked at, from an empty state."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reach:
    """Means over places.

    Args:
        norms_t: norm of the gradient by distance, from the character right before the guessed one (1) on.
        norm_errors_t: standard errors of these.
        lengths: characters of context.
        losses: nats per character, after so many.
        loss_errors: standard errors of these.
        num_places: b.
    """

    norms_t: Array
    norm_errors_t: Array
    lengths: list[int]
    losses: list[float]
    loss_errors: list[float]
    num_places: int


def choose_places(num_characters: int, *, before: int, most: int) -> npt.NDArray[np.int64]:
    """Return the characters that are guessed, evenly over a text.

    Args:
        num_characters: of the text, more than `before`.
        before: characters that each needs before it.
        most: places at most.
    """
    num = min(most, num_characters - before)
    return before + np.arange(num) * (num_characters - before) // num


def measure_reach(network: Any, ids_n: npt.NDArray[Any], *, farthest: int, longest: int, most_places: int) -> Reach:
    """Return how the guesses at places of a text depend on distance and on the length of the context.

    Args:
        network: is not changed.
        ids_n: ids of the text.
        farthest: distance of the gradient, characters.
        longest: context, characters; its lengths are 1, 2, 4 and so on, and this.
        most_places: at most.
    """
    places_b = choose_places(len(ids_n), before=max(longest, farthest + WARMUP), most=most_places)
    norms_bt = find_gradient_norms(network, ids_n, places_b, farthest=farthest)
    lengths = [2**power for power in range(int(math.log2(longest)) + 1)]
    lengths += [longest] if lengths[-1] != longest else []
    losses = [find_losses(network, ids_n, places_b, length=length) for length in lengths]
    return Reach(
        norms_bt.mean(axis=0),
        _find_errors(norms_bt),
        lengths,
        [float(losses_b.mean()) for losses_b in losses],
        [float(_find_errors(losses_b[:, None])[0]) for losses_b in losses],
        len(places_b),
    )


def find_gradient_norms(
    network: Any, ids_n: npt.NDArray[Any], places_b: npt.NDArray[np.int64], *, farthest: int
) -> Array:
    """Return norms_bt: of the gradient of log p(the character at a place) to the input vector at each distance.

    The first column is the character right before the place. The input vector is the row of the embedding, as the
    network reads it, or the one-hot vector. The state before the farthest character is taken as given. Where the text
    is a list of lines, nothing depends on what stands before the last line break, and the norms there are 0.

    Args:
        network: is not changed.
        ids_n: ids of the text.
        places_b: indices of the guessed characters, at least `farthest` + `WARMUP`.
        farthest: distance, characters.
    """
    import tensorflow as tf

    def find(warm_bt: Any, read_bt: Any, targets_b: Any) -> Any:
        _, states = network.call_at_end(warm_bt, network.first_states(targets_b.shape[0]))
        inputs_bte = _read_vectors(network, read_bt)
        with tf.GradientTape() as tape:
            tape.watch(inputs_bte)
            logits_bv = network.call_on_vectors(inputs_bte, read_bt, states)
            losses_b = tf.nn.sparse_softmax_cross_entropy_with_logits(targets_b, logits_bv)
        return tf.norm(tf.cast(tape.gradient(losses_b, inputs_bte), tf.float32), axis=-1)

    find_compiled, found = tf.function(find, autograph=False), []
    # One-hot vectors and their gradients have a number for each symbol.
    numbers = network.num_symbols * (farthest if network.embedding is None else 1)
    for some_b in _split(places_b, numbers):
        window_bt = ids_n[some_b[:, None] + np.arange(-farthest - WARMUP, 1)].astype(np.int32)
        arguments = map(tf.constant, (window_bt[:, :WARMUP], window_bt[:, WARMUP:-1], window_bt[:, -1]))
        found.append(find_compiled(*arguments).numpy()[:, ::-1].astype(np.float64))
    return np.concatenate(found)


def find_losses(network: Any, ids_n: npt.NDArray[Any], places_b: npt.NDArray[np.int64], *, length: int) -> Array:
    """Return losses_b of the characters at the places after so many characters of context from an empty state, nats."""
    import tensorflow as tf

    def find(ids_bt: Any, targets_b: Any) -> Any:
        logits_bv, _ = network.call_at_end(ids_bt, network.first_states(ids_bt.shape[0]))
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets_b, logits_bv)

    find_compiled, found = tf.function(find, autograph=False), []
    for some_b in _split(places_b, network.num_symbols):
        window_bt = ids_n[some_b[:, None] + np.arange(-length, 1)].astype(np.int32)
        losses_b = find_compiled(tf.constant(window_bt[:, :-1]), tf.constant(window_bt[:, -1])).numpy()
        found.append(losses_b.astype(np.float64))
    return np.concatenate(found)


def _split(places_b: npt.NDArray[np.int64], numbers: int) -> list[npt.NDArray[np.int64]]:
    """Return the places in pieces as equal as can be; with thousands of symbols, in more of them to save memory.

    Args:
        places_b: all.
        numbers: that each takes at once.
    """
    return np.array_split(places_b, -(-len(places_b) // max(1, MAX_LOGITS // numbers)))


def _read_vectors(network: Any, ids_bt: Any) -> Any:
    import tensorflow as tf

    if network.embedding is None:
        return tf.one_hot(ids_bt, network.num_symbols)
    return tf.gather(network.input_vectors(), ids_bt)


def _find_errors(values_bt: Array) -> Array:
    """Return the standard errors of the means over places; 0 of one place."""
    num = len(values_bt)
    errors_t: Array = values_bt.std(axis=0, ddof=1) / math.sqrt(num) if num > 1 else np.zeros(values_bt.shape[1])
    return errors_t
