"""The scores of a text, and how sure its loss is."""

import math
from dataclasses import replace

import pytest

from charrnn_exp.evaluation.scores import Scores, from_metrics, to_bits, to_metrics


def make(loss: float, standard_error: float | None = None) -> Scores:
    return Scores(loss=loss, accuracy=0.25, standard_error=standard_error, num_characters=7)


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


def test_the_perplexity_of_a_word_is_that_of_its_characters_together() -> None:
    """7 characters of 2 nats in 3 words: 14 / 3 nats a word."""
    scores = replace(make(2.0), num_words=3)
    assert scores.word_perplexity == pytest.approx(math.exp(14 / 3))
    assert (replace(scores, num_words=0).word_perplexity, make(2.0).word_perplexity) == (None, None)
    assert replace(make(1e4), num_words=1).word_perplexity == math.inf


def test_evaluate_tells_three_more_numbers_than_a_run_keeps() -> None:
    found = replace(make(2.0), num_words=3, top5_accuracy=0.5).list_all()
    assert list(found)[6:] == ["top5_accuracy", "word_perplexity", "num_words"]
