"""Every built-in filter once more, in plain Python on one row of probabilities.

Each takes the probabilities after the temperature, the setting's value and the ids so far; it returns weights, 0 for a
symbol that is ruled out.
"""

import math
from collections.abc import Callable
from typing import Any

Row = list[float]


def top_k(p_v: Row, k: int, _: list[int]) -> Row:
    return [p if sum(other > p for other in p_v) < k else 0.0 for p in p_v]


def top_p(p_v: Row, share: float, _: list[int]) -> Row:
    """Take the likeliest symbols until they hold the share, and those as likely as the last."""
    held, last = 0.0, 2.0
    for p in sorted(p_v, reverse=True):
        if held >= share:
            break
        held, last = held + p, p
    return [p if p >= last else 0.0 for p in p_v]


def min_p(p_v: Row, share: float, _: list[int]) -> Row:
    return [p if p >= share * max(p_v) * (1 - 1e-12) else 0.0 for p in p_v]


def typical_p(p_v: Row, share: float, _: list[int]) -> Row:
    """Take the symbols whose surprise is closest to the mean one until they hold the share."""
    entropy = -sum(p * math.log(p) for p in p_v)
    distances = [abs(-math.log(p) - entropy) for p in p_v]
    held, last = 0.0, -1.0
    for distance, p in sorted(zip(distances, p_v, strict=True)):
        if held >= share:
            break
        held, last = held + p, distance
    return [p if distance <= last + 1e-12 else 0.0 for p, distance in zip(p_v, distances, strict=True)]


def repetition_penalty(p_v: Row, penalty: float, ids: list[int]) -> Row:
    return [p**penalty if i in ids[-64:] else p for i, p in enumerate(p_v)]


def no_repeat_ngram_size(p_v: Row, n: int, ids: list[int]) -> Row:
    """Try each symbol: a text whose last n symbols stand in it already is not allowed."""
    window = ids[-4096:]
    grams = {tuple(window[i : i + n]) for i in range(len(window) - n + 1)}
    weights = [0.0 if tuple([*window, i][-n:]) in grams and len(window) >= n - 1 else p for i, p in enumerate(p_v)]
    return weights if any(weights) else p_v


NAIVE: dict[str, Callable[[Row, Any, list[int]], Row]] = {
    each.__name__: each for each in (top_k, top_p, min_p, typical_p, repetition_penalty, no_repeat_ngram_size)
}
MIDDLING: dict[str, Any] = {
    "top_k": 4,
    "top_p": 0.9,
    "min_p": 0.1,
    "typical_p": 0.7,
    "repetition_penalty": 1.3,
    "no_repeat_ngram_size": 2,
}
"""A value of each that rules out some symbols of a row and leaves others."""
CHI_SQUARE_1E6 = [0.0, 23.9, 27.6, 30.7, 33.4, 35.9, 38.3, 40.5, 42.7, 44.8, 46.9, 48.9, 50.8]
"""Chi-square is above these by chance once in a million, by degrees of freedom."""
