"""The statistics of a comparison against the formulas written out, and against chance."""

import math

import numpy as np
import pytest

from charrnn_exp.sweeps.comparison.statistics import (
    LEVEL,
    compare_blocks,
    compare_seeds,
    correct_holm,
    find_p,
    measure_spread,
)


def test_mean_and_deviation_are_those_of_the_textbook() -> None:
    values = [1.5, 1.75, 1.0, 2.25]
    found = measure_spread(values)
    assert found is not None
    mean = sum(values) / 4
    assert found.mean == pytest.approx(mean, rel=1e-15)
    assert found.deviation == pytest.approx(math.sqrt(sum((value - mean) ** 2 for value in values) / 3), rel=1e-15)
    assert found.count == 4


def test_one_value_has_no_deviation_and_none_has_no_mean() -> None:
    one = measure_spread([1.5])
    assert one is not None
    assert (one.mean, one.deviation, one.count) == (1.5, None, 1)
    assert measure_spread([]) is None


@pytest.mark.parametrize(
    ("t", "degrees", "p"),
    # Tables of Student's t: two-sided 5 %, 1 % and 50 % points.
    [(12.7062, 1, 0.05), (2.77645, 4, 0.05), (2.04523, 29, 0.05), (9.92484, 2, 0.01), (1.95996, 1e7, 0.05),
     (0.81650, 2, 0.5), (0.0, 3, 1.0), (-2.04523, 29, 0.05)],
)  # fmt: skip
def test_probabilities_are_those_of_the_tables(t: float, degrees: float, p: float) -> None:
    assert find_p(t, degrees) == pytest.approx(p, abs=2e-6)


def test_probabilities_are_the_integral_of_the_density() -> None:
    """Also for the degrees of freedom between whole numbers that Welch's test has."""
    for degrees in (1.0, 2.7, 5.5, 29.0, 200.0):
        for t in (0.3, 1.1, 2.6):
            edges = np.linspace(0.0, t, 20_001)
            middles = (edges[1:] + edges[:-1]) / 2
            scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
            inside = 2 * scale * float(np.sum((1 + middles**2 / degrees) ** (-(degrees + 1) / 2))) * t / 20_000
            assert find_p(t, degrees) == pytest.approx(1.0 - inside, abs=1e-9)


def test_a_paired_error_is_that_of_the_differences_of_the_blocks() -> None:
    first, second = np.random.default_rng(5).normal(1.5, 0.2, (2, 30))
    found = compare_blocks(first.tolist(), second.tolist())
    assert found is not None
    difference = first - second
    assert found.value == pytest.approx(difference.sum() / 30, rel=1e-12)
    assert found.error == pytest.approx(
        math.sqrt(((difference - difference.mean()) ** 2).sum() / 29) / math.sqrt(30), rel=1e-12
    )
    assert found.degrees == 29
    assert found.p == pytest.approx(find_p(found.value / found.error, 29))


def test_a_paired_error_is_that_of_a_bootstrap_over_the_blocks() -> None:
    """The bootstrap divides by n where the formula has n - 1: 1.7 % of 30 blocks; 20,000 draws are 0.5 % off."""
    drawn = np.random.default_rng(7)
    hard = drawn.normal(1.5, 0.3, 30)
    first, second = hard + drawn.normal(0.0, 0.02, 30), hard + drawn.normal(0.01, 0.02, 30)
    found = compare_blocks(first.tolist(), second.tolist())
    assert found is not None
    means = (first - second)[drawn.integers(0, 30, (20_000, 30))].mean(axis=1)
    assert found.error == pytest.approx(float(means.std()) * math.sqrt(30 / 29), rel=0.03)


def test_pairing_sees_what_unpaired_errors_hide() -> None:
    hard = np.random.default_rng(3).normal(1.5, 0.3, 30)
    found = compare_blocks((hard - 0.01).tolist(), (hard + np.tile([0.001, -0.001], 15)).tolist())
    assert found is not None
    assert found.p < 1e-6
    assert abs(found.value) < hard.std() / math.sqrt(30) / 3


@pytest.mark.parametrize(("first", "second"), [([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0]), ([], [])])
def test_blocks_that_are_no_pairs_are_not_compared(first: list[float], second: list[float]) -> None:
    assert compare_blocks(first, second) is None


def test_welch_is_as_written_out() -> None:
    first, second = [1.5, 1.52, 1.47], [1.6, 1.7, 1.5, 1.55, 1.62]
    found = compare_seeds(first, second)
    assert found is not None
    (m, v, n), (k, w, j) = ((np.mean(each), np.var(each, ddof=1), len(each)) for each in (first, second))
    assert found.value == pytest.approx(m - k, rel=1e-12)
    assert found.error == pytest.approx(math.sqrt(v / n + w / j), rel=1e-12)
    degrees = (v / n + w / j) ** 2 / ((v / n) ** 2 / (n - 1) + (w / j) ** 2 / (j - 1))
    assert found.degrees == pytest.approx(degrees, rel=1e-12)


def test_settings_are_compared_with_two_seeds_a_side_that_differ_and_not_with_fewer() -> None:
    assert compare_seeds([1.0], [2.0, 2.1]) is None
    assert compare_seeds([1.0, 1.0], [2.0, 2.0]) is None
    assert compare_seeds([1.0, 1.1], [2.0, 2.1]) is not None


def test_holm_is_as_in_his_paper() -> None:
    assert correct_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_holm([0.9, 0.8]) == [1.0, 1.0]
    assert correct_holm([]) == []


def find_share(first: np.ndarray, second: np.ndarray, compare: object) -> float:
    assert callable(compare)
    found = [compare(a.tolist(), b.tolist()) for a, b in zip(first, second, strict=True)]
    return float(np.mean([each.p < LEVEL for each in found]))


def test_equal_settings_are_called_different_in_at_most_5_percent() -> None:
    """4 against 4 seeds, 2,000 times: Welch has 4 to 5 %; the odds of leaving 2.5 to 6.5 % are less than 1 in 1,000."""
    first, second = np.random.default_rng(11).normal(1.5, 0.01, (2, 2_000, 4))
    assert 0.025 < find_share(first, second, compare_seeds) < 0.065


def test_a_planted_difference_between_settings_is_found() -> None:
    """0.05 nats at a deviation of 0.01 over seeds, 4 against 4: a t of 7 on average, found in 99.9 % (500 times)."""
    drawn = np.random.default_rng(13)
    first, second = drawn.normal(1.5, 0.01, (500, 4)), drawn.normal(1.55, 0.01, (500, 4))
    assert find_share(first, second, compare_seeds) > 0.95


def test_equal_models_are_called_different_in_5_percent() -> None:
    """30 blocks, 2,000 times: 5 % +- 0.5 %; the odds of leaving 3.3 to 6.7 % are less than 1 in 1,000."""
    drawn = np.random.default_rng(17)
    hard = drawn.normal(1.5, 0.3, (2_000, 30))
    first, second = hard + drawn.normal(0.0, 0.02, (2_000, 30)), hard + drawn.normal(0.0, 0.02, (2_000, 30))
    assert 0.033 < find_share(first, second, compare_blocks) < 0.067


def test_a_family_of_equal_settings_has_a_false_call_in_at_most_5_percent() -> None:
    """Six settings, 15 pairs, 400 families: without Holm's correction half of them have one; above 9 %: 1 in 1,000."""
    losses = np.random.default_rng(19).normal(1.5, 0.01, (400, 6, 4)).tolist()
    false = uncorrected = 0
    for family in losses:
        found = [compare_seeds(family[i], family[j]) for i in range(6) for j in range(i)]
        ps = [each.p for each in found if each is not None]
        false += min(correct_holm(ps)) < LEVEL
        uncorrected += min(ps) < LEVEL
    assert false / 400 < 0.09
    assert uncorrected / 400 > 0.25
