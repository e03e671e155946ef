"""Scores of texts, line by line."""

import math

import pytest

from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.views.scores import format_score_header, format_scores

SCORE_HEADER = format_score_header()


@pytest.mark.parametrize("name", ["val", "train"])
@pytest.mark.parametrize("num_characters", [1, 999_999_999])
@pytest.mark.parametrize("loss", [0.0, 1.4286, 11.0])
@pytest.mark.parametrize("standard_error", [None, 0.0274])
def test_every_number_stands_below_its_name(
    name: str, num_characters: int, loss: float, standard_error: float | None
) -> None:
    scores = Scores(loss=loss, accuracy=1.0, standard_error=standard_error, num_characters=num_characters)
    line = format_scores(name, scores.as_dict())
    assert len(line) == len(SCORE_HEADER)
    ends = [SCORE_HEADER.index(word) + len(word) for word in SCORE_HEADER.replace("std. error", "std._error").split()
            if word != "std._error"]  # fmt: skip
    for end in [*ends, SCORE_HEADER.index("std. error") + len("std. error")]:
        assert line[end - 1] != " ", "a number ends where its name does"
        assert line[end : end + 1] in ("", " ")


def test_a_perplexity_that_json_lacks_and_an_error_that_is_not_known_are_dashes() -> None:
    scores = Scores(loss=math.log(7.0), accuracy=0.25, standard_error=None, num_characters=6)
    words = format_scores("test", {**scores.as_dict(), "perplexity": None}).split()
    assert words == ["test", "1.9459", "2.8074", "-", "25.00", "%", "-", "6"]
