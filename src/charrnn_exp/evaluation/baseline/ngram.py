"""The n-gram baseline: n-grams counted in the training text, smoothed by modified Kneser-Ney.

Axes: n character (of training and validation text laid end to end), p scored character, u distinct value (n-gram).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Ids

ORDER = 7
"""Symbols of the longest gram, the predicted one included."""
MAX_CHARACTERS = 20_000_000
"""Longest training text that is counted: sorting a longer one takes minutes."""

Ranks = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]


def measure_ngram_loss(
    train_n: Ids,
    val_n: Ids,
    starts: Sequence[int] = (0,),
    *,
    num_symbols: int,
    order: int = ORDER,
    line_break: int | None = None,
) -> float:
    """Return the loss of an interpolated modified Kneser-Ney model on the validation text, nats per character.

    Every character but the first of each part is scored, with as much context as its part has before it. Of lines every
    character but the first of all is scored, with as much context as its line has before it, the line break before it
    included; grams are counted within lines.

    Args:
        train_n: the counted text.
        val_n: the scored text, at least two symbols.
        starts: index of the first character of each part of the scored text, in order.
        num_symbols: size of the vocabulary.
        order: symbols of the longest gram, at least 1.
        line_break: id of the line break of texts that are lists of lines, laid out; None: they are none.

    Source: Chen and Goodman 1998, An Empirical Study of Smoothing Techniques for Language Modeling, section 3.
    """
    num_train = len(train_n)
    ids_n = np.concatenate([train_n, val_n]).astype(np.int64)
    before_n = None if line_break is None else _count_before(ids_n, line_break)
    ranks_n = [np.zeros_like(ids_n)]
    for length in range(1, order + 1):
        ranks_n.append(_rank_grams(ids_n, ranks_n[-1], length, num_symbols))
    is_start_n = np.zeros(len(val_n), np.bool_)
    is_start_n[list(starts)] = True
    scored_p = num_train + np.flatnonzero(~is_start_n)
    if before_n is None:
        part_start_n = np.maximum.accumulate(np.where(is_start_n, np.arange(len(val_n)), 0))
        num_before_p = (np.arange(len(val_n)) - part_start_n)[~is_start_n]
    else:
        num_before_p = before_n[scored_p]
    probability_p = np.full(len(scored_p), 1.0 / num_symbols)
    for length in range(1, order + 1):
        # A gram reaches back length - 1 symbols and must lie within its part.
        has_context_p = num_before_p >= length - 1
        at_p = scored_p[has_context_p]
        train = [_find_counted(before_n, of, num_train) for of in (length, length + 1)]
        counts_u = _count_grams(ranks_n, length, order, train)
        if before_n is not None and 1 < length < order:
            # No symbol comes before a line: its first gram has no neighbours, and counts as often as it is there.
            firsts = train[0][before_n[train[0]] == length - 1]
            counts_u += np.bincount(ranks_n[length][firsts], minlength=len(counts_u))
        probability_p[has_context_p] = _interpolate(
            ranks_n[length], ranks_n[length - 1], counts_u, at_p, train[0], length, probability_p[has_context_p]
        )
    return float(-np.mean(np.log(probability_p)))


def _rank_grams(ids_n: Ranks, shorter_n: Ranks, length: int, num_symbols: int) -> Ranks:
    """Return, for each position, the number of the gram that ends there; equal grams have equal numbers."""
    context_n = np.concatenate([[0], shorter_n[:-1]])
    _, ranks_n = np.unique(context_n * num_symbols + ids_n, return_inverse=True)
    ranks_n[: length - 1] = 0
    return np.asarray(ranks_n, dtype=np.int64)


def _count_before(ids_n: Ranks, line_break: int) -> Counts:
    """Return the symbols of the line before each position, the line break before it included."""
    positions_n = np.arange(len(ids_n))
    starts_n = np.maximum.accumulate(np.where(ids_n == line_break, positions_n, 0))
    return np.asarray(positions_n - np.concatenate([[0], starts_n[:-1]]), dtype=np.int64)


def _find_counted(before_n: Counts | None, length: int, num_train: int) -> Any:
    """Return the positions of the training text at which a counted gram of this length ends: an index."""
    if before_n is None:
        return slice(length - 1, num_train)
    return np.flatnonzero(before_n[:num_train] >= max(1, length - 1))


def _count_grams(ranks_n: list[Ranks], length: int, order: int, train: Sequence[Any]) -> Counts:
    """Return the count of each gram in training; below the top order, its number of distinct left neighbours.

    Args:
        ranks_n: by length.
        length: of the grams.
        order: the top one.
        train: positions in the training text, of the grams and of those that are longer by one.
    """
    size = int(ranks_n[length].max()) + 1
    if length == order:
        return np.bincount(ranks_n[length][train[0]], minlength=size)
    _, first = np.unique(ranks_n[length + 1][train[1]], return_index=True)
    return np.bincount(ranks_n[length][train[1]][first], minlength=size)


def _interpolate(
    grams_n: Ranks,
    contexts_n: Ranks,
    counts_u: Counts,
    at_p: Ranks,
    train: Any,
    length: int,
    lower_p: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the discounted probability at each scored position, interpolated with that of the lower order."""
    discounts = _find_discounts(counts_u)
    distinct, first = np.unique(grams_n[train], return_index=True)
    previous = np.maximum(np.arange(len(grams_n))[train] - 1, 0)
    context_of_gram = contexts_n[previous][first] if length > 1 else np.zeros(len(distinct), np.int64)
    counts = counts_u[distinct]
    num_contexts = int(contexts_n.max()) + 1
    total = np.bincount(context_of_gram, weights=counts, minlength=num_contexts)
    freed = np.bincount(context_of_gram, weights=discounts[np.minimum(counts, 3)], minlength=num_contexts)
    context_p = contexts_n[at_p - 1] if length > 1 else np.zeros(len(at_p), np.int64)
    total_p, freed_p = total[context_p], freed[context_p]
    count_p = counts_u[grams_n[at_p]]
    seen_p = total_p > 0
    discounted_p = np.maximum(count_p - discounts[np.minimum(count_p, 3)], 0.0)
    mixed_p = (discounted_p + freed_p * lower_p) / np.where(seen_p, total_p, 1.0)
    return np.where(seen_p, mixed_p, lower_p)


def _find_discounts(counts_u: Counts) -> npt.NDArray[np.float64]:
    """Return the discounts of grams with counts 0, 1, 2 and 3 or more."""
    ones, twos, threes, fours = (int(np.sum(counts_u == count)) for count in (1, 2, 3, 4))
    fixed = np.array([0.0, 0.5, 0.5, 0.5])
    if min(ones, twos, threes) == 0:  # too short a text to estimate them
        return fixed
    share = ones / (ones + 2 * twos)
    estimated = [1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes]
    # A discount of 0 leaves no probability for unseen grams: their loss would be infinite.
    return np.array([0.0, *estimated]) if min(estimated) > 0 else fixed
