"""Which cells follow which property of a text: chosen on one half of it, claimed on the other.

A score is |r|, the absolute correlation (Pearson's; for a property that holds or not it is the point-biserial one) of
the values of a cell with the property. A cell is claimed if its score on the second half is above two bars:

- The bar of chance: the 99.9th percentile, over all circular shifts of the labels, of the largest score of all cells
  and properties. A shift keeps how slowly cells and properties change; one maximum for each shift corrects for their
  number.
- The bar of an untrained network of the same kind. Its cells echo the last few characters, so they do correlate with
  any property that shows in these. Fisher's z of their scores has a standard deviation for each property; the bar is as
  many of these above 0 as a normal variable reaches with odds of 1 in 1,000 for all cells and properties together.

Axes: n character, m matrix rows (cells), k matrix columns (properties).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.insight.features import FEATURES, LEAST_RUNS, Feature, count_runs

ODDS = 0.001
"""Of a claim about a network that follows nothing, for each of the two bars."""
LEAST_SHIFT = 16
"""A shift is at least this share (1 / LEAST_SHIFT) of the text, from both ends."""
LARGEST_SCORE = 1.0 - 1e-9

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Found:
    """A cell that follows a property.

    Args:
        cell: row of the values.
        feature: the property.
        chosen: its correlation on the first half, by which it was chosen.
        score: its correlation on the second half.
        chance: bar of shifted labels.
        untrained: bar of an untrained network.
    """

    cell: int
    feature: Feature
    chosen: float
    score: float
    chance: float
    untrained: float


@dataclass(frozen=True)
class Half:
    """A half of the text.

    Args:
        values_mn: of the cells.
        labels_kn: of the properties, in the order of the features.
    """

    values_mn: Array
    labels_kn: Array


@dataclass(frozen=True)
class Search:
    """What was found, and by which bars.

    Args:
        found: the claimed cells, highest scores first.
        chance: bar of shifted labels.
        untrained: bar of an untrained network by the name of the property.
        features: the properties that were looked for.
        rare: those that the text has too seldom.
        num_cells: cells that were looked at.
    """

    found: list[Found]
    chance: float
    untrained: dict[str, float]
    features: list[Feature]
    rare: list[Feature]
    num_cells: int


def choose_features(
    text: str, middle: int, features: Sequence[Feature] = FEATURES
) -> tuple[dict[Feature, npt.NDArray[np.float64]], list[Feature]]:
    """Return the properties that each half has in `LEAST_RUNS` stretches, and those that one lacks.

    Args:
        text: whole: where its middle lies within a quotation, its second half does not tell.
        middle: the first character of the second half.
        features: to choose from.

    Returns:
        The labels of the whole text by property, and the other properties.
    """
    labels = {each: each.find(text) for each in features}
    common = {
        each: labels_n
        for each, labels_n in labels.items()
        if all(count_runs(half_n) >= LEAST_RUNS for half_n in (labels_n[:middle], labels_n[middle:]))
    }
    return common, [each for each in features if each not in common]


def find_followers(first: Half, second: Half, untrained_mn: Array, features: Sequence[Feature]) -> Search:
    """Return the cells that follow a property.

    Args:
        first: to choose one property for each cell.
        second: to score it.
        untrained_mn: values of the cells of untrained networks on the second half.
        features: of the labels.
    """
    num_cells = len(first.values_mn)
    chosen_mk, scores_mk = (correlate(half.values_mn, half.labels_kn) for half in (first, second))
    bars_k = find_untrained_bars(correlate(untrained_mn, second.labels_kn), num_pairs=scores_mk.size)
    chance = find_chance_bar(second.values_mn, second.labels_kn)
    best_m = np.argmax(
        np.abs(np.arctanh(np.clip(chosen_mk, -LARGEST_SCORE, LARGEST_SCORE))) / np.arctanh(bars_k), axis=1
    )
    found = []
    for cell, best in enumerate(best_m.tolist()):
        chosen, score = float(chosen_mk[cell, best]), float(scores_mk[cell, best])
        if abs(score) > max(chance, bars_k[best]) and chosen * score > 0:
            found.append(Found(cell, features[best], chosen, score, chance, float(bars_k[best])))
    found.sort(key=lambda each: -abs(each.score))
    bars = {each.name: float(bar) for each, bar in zip(features, bars_k, strict=True)}
    return Search(found, chance, bars, list(features), [], num_cells)


def correlate(values_mn: Array, labels_kn: Array) -> npt.NDArray[np.float64]:
    """Return the correlation of each cell with each property; 0 where one of them is constant."""
    found: npt.NDArray[np.float64] = standardize(values_mn) @ standardize(labels_kn).T / values_mn.shape[1]
    return found.astype(np.float64)


def find_chance_bar(values_mn: Array, labels_kn: Array) -> float:
    """Return the (1 - ODDS) quantile, over circular shifts of the labels, of the largest |r| of all cells and labels.

    All shifts from 1 / `LEAST_SHIFT` of the text to that share before its end are taken: by the Fourier transform they
    cost no more than a few.
    """
    num = values_mn.shape[1]
    labels = np.fft.rfft(standardize(labels_kn))
    least = num // LEAST_SHIFT
    largest_n = np.zeros(num - 2 * least, np.float32)
    for values_n in standardize(values_mn):
        shifted_kn = np.fft.irfft(np.conj(np.fft.rfft(values_n)) * labels, num)[:, least : num - least] / num
        np.maximum(largest_n, np.abs(shifted_kn).max(axis=0), out=largest_n)
    return float(np.quantile(largest_n, 1.0 - ODDS))


def find_untrained_bars(scores_mk: Array, *, num_pairs: int) -> npt.NDArray[np.float64]:
    """Return the bar of each property.

    Args:
        scores_mk: correlations of untrained cells.
        num_pairs: cells times properties that are searched.
    """
    deviations_k = np.sqrt(np.mean(np.arctanh(np.clip(scores_mk, -LARGEST_SCORE, LARGEST_SCORE)) ** 2, axis=0))
    limit = NormalDist().inv_cdf(1.0 - ODDS / (2 * num_pairs))
    bars_k: npt.NDArray[np.float64] = np.tanh(np.maximum(limit * deviations_k, 1e-6))
    return bars_k


def standardize(values_mn: Array) -> npt.NDArray[np.float32]:
    """Return the rows with mean 0 and variance 1; a constant row is 0."""
    centred_mn = values_mn - values_mn.mean(axis=1, keepdims=True, dtype=np.float64)
    deviations_m1 = np.sqrt(np.mean(centred_mn**2, axis=1, keepdims=True, dtype=np.float64))
    deviations_m1[deviations_m1 < 1e-7] = math.inf
    standard_mn: npt.NDArray[np.float32] = (centred_mn / deviations_m1).astype(np.float32)
    return standard_mn
