"""The scores of a text, and how sure its loss is."""

import math

import numpy as np
import pytest

from charrnn_exp.evaluation.scores import BlockMeans, Scores, from_metrics, to_bits, to_metrics


def make(loss: float, standard_error: float | None = None) -> Scores:
    return Scores(loss=loss, accuracy=0.25, standard_error=standard_error, num_characters=7)


def find_error(losses_n: np.ndarray) -> float | None:
    blocks = BlockMeans(len(losses_n))
    blocks.add(np.arange(len(losses_n)), losses_n)
    return blocks.find_standard_error()


def test_one_nat_is_1_4427_bits() -> None:
    assert to_bits(1.0) == pytest.approx(1 / math.log(2))


def test_knowing_nothing_of_65_symbols_is_a_perplexity_of_65() -> None:
    scores = make(math.log(65))
    assert scores.perplexity == pytest.approx(65)
    assert 2**scores.bits_per_char == pytest.approx(65)


def test_a_loss_beyond_all_floats_is_an_infinite_perplexity() -> None:
    assert make(1e4).perplexity == math.inf


def test_all_numbers_are_named() -> None:
    assert list(make(1.0).as_dict()) == [
        "loss", "bits_per_char", "perplexity", "accuracy", "standard_error", "num_characters"
    ]  # fmt: skip


@pytest.mark.parametrize("standard_error", [None, 0.5])
def test_scores_come_back_from_their_metrics(standard_error: float | None) -> None:
    scores = make(1.5, standard_error)
    metrics = {**to_metrics("test", scores), "train_loss": 3.0}
    assert from_metrics("test", metrics, num_characters=7) == scores
    assert from_metrics("val", metrics, num_characters=7) is None
    assert from_metrics("val", {"val_loss": 1.5}, num_characters=7) is None


@pytest.mark.parametrize("num_characters", [1_000, 1_037, 2_999, 3_000, 40_011])
def test_the_error_is_that_of_the_means_of_contiguous_blocks(num_characters: int) -> None:
    losses_n = np.random.default_rng(7).exponential(size=num_characters)
    num_blocks = min(30, num_characters // 100)
    block_n = np.array([position * num_blocks // num_characters for position in range(num_characters)])
    means = [losses_n[block_n == block].mean() for block in range(num_blocks)]
    assert find_error(losses_n) == pytest.approx(np.std(means, ddof=1) / math.sqrt(num_blocks))


def test_the_order_in_which_losses_come_does_not_matter() -> None:
    losses_n = np.random.default_rng(7).exponential(size=3_011)
    blocks = BlockMeans(len(losses_n))
    for part in (slice(2_000, None), slice(0, 2_000)):
        positions_n = np.arange(len(losses_n))[part][::-1]
        blocks.add(positions_n, losses_n[positions_n])
    assert blocks.find_standard_error() == pytest.approx(find_error(losses_n))


def test_losses_that_hang_together_are_less_sure_than_their_number_says() -> None:
    """Runs of 50 equal losses: as sure as a 50th of them. Fixed seed; 30 blocks tell it to about 13 %."""
    generator = np.random.default_rng(7)
    alone_n, together_n = generator.exponential(size=60_000), np.repeat(generator.exponential(size=1_200), 50)
    alone, together = find_error(alone_n), find_error(together_n)
    assert alone == pytest.approx(1 / math.sqrt(60_000), rel=0.4)
    assert together == pytest.approx(1 / math.sqrt(1_200), rel=0.4)


@pytest.mark.parametrize("num_characters", [1, 2, 99, 100, 999])
def test_a_short_text_has_no_error_rather_than_a_wrong_one(num_characters: int) -> None:
    assert find_error(np.ones(num_characters)) is None
