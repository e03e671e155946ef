"""Scores by group, and calibration, against sums written out.

Axes: n character, p scored character, g block, v vocabulary.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from charrnn_exp.evaluation.blocks import find_ratio_error
from charrnn_exp.evaluation.details import NUM_BINS, Details, Grouping, Tally


@dataclass(frozen=True)
class Said:
    """Made predictions: their losses, whether they and the five likeliest came true, and how sure they were."""

    loss: np.ndarray
    accuracy: np.ndarray
    top5_accuracy: np.ndarray
    confidence: np.ndarray
    group: np.ndarray


def make(num: int, *, overconfident: float = 0.0) -> Said:
    """Return predictions that come true as often as they say, or less often."""
    generator = np.random.default_rng(7)
    confidence = generator.uniform(0.02, 1.0, size=num)
    hits = (generator.uniform(size=num) < confidence - overconfident).astype(float)
    tops = np.maximum(hits, generator.integers(2, size=num))
    loss = generator.exponential(size=num)
    return Said(loss, hits, tops, confidence, generator.integers(3, size=num).astype(np.uint8))


def tally(said: Said, *, num_groups: int = 5) -> Details:
    num = len(said.loss)
    labels = tuple(f"group {k}" for k in range(num_groups))
    found = Tally({"some": Grouping(labels, said.group)}, num)
    add(found, said, np.random.default_rng(3).permutation(num)[: num // 3])
    add(found, said, np.arange(num // 2))
    add(found, said, np.arange(num // 2), sign=-1)
    add(found, said, np.setdiff1d(np.arange(num), np.random.default_rng(3).permutation(num)[: num // 3]))
    return found.find_details()


def add(found: Tally, said: Said, ranks_n: np.ndarray, sign: int = 1) -> None:
    names = ("loss", "accuracy", "top5_accuracy")
    measures = {name: sign * getattr(said, name)[ranks_n] for name in names}
    found.add(ranks_n, measures, said.confidence[ranks_n], sign)


@pytest.mark.parametrize("num", [999, 1_037, 3_011])
def test_each_group_has_the_means_of_its_characters_and_their_ratio_errors(num: int) -> None:
    said = make(num)
    details = tally(said)
    num_blocks = min(30, num // 100)
    block_n = np.arange(num) * num_blocks // num
    rows = {row.group: row for row in details.by_group["some"]}
    assert list(rows) == ["group 0", "group 1", "group 2"], "empty groups are left out"
    for k in range(3):
        row, chosen = rows[f"group {k}"], said.group == k
        assert row.num_characters == np.count_nonzero(chosen)
        counts_g = np.array([np.count_nonzero(chosen & (block_n == g)) for g in range(num_blocks)], float)
        for name in ("loss", "accuracy", "top5_accuracy"):
            values, found = getattr(said, name), getattr(row, name)
            assert found.value == pytest.approx(values[chosen].mean())
            sums_g = np.array([values[chosen & (block_n == g)].sum() for g in range(num_blocks)])
            expected = find_ratio_error(sums_g, counts_g)
            assert found.standard_error == (expected if expected is None else pytest.approx(expected))
    (everything,) = details.by_group["all"]
    assert everything.num_characters == num
    assert everything.loss.value == pytest.approx(said.loss.mean())
    assert (everything.loss.standard_error is None) == (num < 1_000)


def test_a_bin_has_the_predictions_of_its_probabilities() -> None:
    said = make(3_011)
    details = tally(said)
    assert sum(each.num_characters for each in details.reliability) == 3_011
    for each in details.reliability:
        chosen = (said.confidence > each.low) & (said.confidence <= each.high)
        assert each.high - each.low == pytest.approx(1 / NUM_BINS)
        assert each.num_characters == np.count_nonzero(chosen)
        assert each.confidence.value == pytest.approx(said.confidence[chosen].mean())
        assert each.accuracy.value == pytest.approx(said.accuracy[chosen].mean())


@pytest.mark.parametrize("overconfident", [0.0, 0.2])
def test_the_calibration_error_is_the_mean_gap_of_the_bins(overconfident: float) -> None:
    said = make(30_011, overconfident=overconfident)
    error = tally(said).calibration_error
    gap = 0.0
    for k in range(NUM_BINS):
        chosen = (said.confidence > k / NUM_BINS) & (said.confidence <= (k + 1) / NUM_BINS)
        gap += abs(said.accuracy[chosen].sum() - said.confidence[chosen].sum()) / 30_011
    assert error.value == pytest.approx(gap)
    assert error.value == pytest.approx(overconfident, abs=0.02), "the least confident cannot be wrong so often"


def test_the_error_of_the_calibration_error_is_the_jackknife_over_blocks() -> None:
    said = make(3_000, overconfident=0.2)
    bin_n = np.ceil(said.confidence * NUM_BINS).astype(int)

    def find(chosen: np.ndarray) -> float:
        sums = [abs((said.accuracy - said.confidence)[chosen & (bin_n == k)].sum()) for k in range(1, NUM_BINS + 1)]
        return float(sum(sums) / np.count_nonzero(chosen))

    without = np.array([find(np.arange(3_000) // 100 != g) for g in range(30)])
    expected = math.sqrt(29 / 30 * np.sum((without - without.mean()) ** 2))
    assert tally(said).calibration_error.standard_error == pytest.approx(expected)


def test_probabilities_of_0_and_1_have_a_bin() -> None:
    found = Tally({}, 2)
    zeros = dict.fromkeys(("loss", "accuracy", "top5_accuracy"), np.zeros(2))
    found.add(np.arange(2), zeros, np.array([0.0, np.nextafter(1.0, 2.0)]), 1)
    assert [(each.low, each.num_characters) for each in found.find_details().reliability] == [(0.0, 1), (14 / 15, 1)]
