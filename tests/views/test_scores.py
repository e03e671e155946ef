"""Scores of texts, line by line."""

import json
import math

import pytest

from charrnn_exp.evaluation.details import Bin, Details, Estimate, GroupScores
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.streams import measure
from charrnn_exp.views.scores import format_details, format_json, format_score_header, format_scores

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


NAMES = ("val", "val, adapted (rms)", "\u4f60.txt")
SCORES = {
    **Scores(loss=1.5, accuracy=0.5, standard_error=0.02, num_characters=111_539).as_dict(),
    "top5_accuracy": 0.8383,
    "word_perplexity": 5213.31,
    "num_words": 20_152,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word_perplexity", [1.0, 99_999.9, 1e5, 1e300, None])
def test_a_table_of_evaluate_has_a_place_for_every_name_and_two_columns_more(
    name: str, word_perplexity: float | None
) -> None:
    header = format_score_header(names=NAMES)
    line = format_scores(name, {**SCORES, "word_perplexity": word_perplexity}, names=NAMES)
    assert measure(line) == measure(header)
    assert header.split() == [*SCORE_HEADER.split(), "top-5", "ppl/word"]
    shown = "-" if word_perplexity is None else line.split()[-1]
    assert line.startswith(name)
    assert "83.83 %" in line
    assert shown == "-" or float(shown.replace(",", "")) == pytest.approx(word_perplexity, rel=5e-3)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
@pytest.mark.parametrize("names", [("val",), NAMES])
def test_columns_give_way_to_the_width_by_their_importance(width: int, names: tuple[str, ...]) -> None:
    header = format_score_header(width, names)
    assert measure(header) <= max(width, max(map(measure, names)) + 11)
    order = ["nats/char", "bits/char", "accuracy", "perplexity", "std. error", "ppl/word", "top-5", "characters"]
    assert [column in header for column in order] == sorted((column in header for column in order), reverse=True)
    assert len(header) == len(format_scores("val", SCORES, width, names))


def make_details() -> Details:
    mean = Estimate(0.5, 0.01)
    rows = [
        GroupScores(group=group, num_characters=number, loss=mean, accuracy=mean, top5_accuracy=Estimate(0.9, None))
        for group, number in (("letters", 3), ("blanks", 1), ("all", 4))
    ]
    reliability = Bin(low=0.2, high=0.8, num_characters=4, confidence=mean, accuracy=Estimate(0.25, None))
    return Details(
        by_group={"all": (rows[2],), "symbol": (rows[0], rows[1])},
        reliability=(reliability,),
        calibration_error=Estimate(0.25, 0.5),
    )


def test_details_are_tables_with_an_error_beside_each_number() -> None:
    lines = format_details("val", make_details().as_dict()).splitlines()
    assert [lines[1], lines[7]] == [
        "val, by symbol",
        "val, by largest probability: expected calibration error 0.2500, standard error 0.5000",
    ]
    assert [" ".join(line.split()) for line in lines[3:6]] == [
        "letters 3 75.00 % 0.5000 0.0100 50.00 % 1.00 % 90.00 % -",
        "blanks 1 25.00 % 0.5000 0.0100 50.00 % 1.00 % 90.00 % -",
        "all 4 100.00 % 0.5000 0.0100 50.00 % 1.00 % 90.00 % -",
    ]
    assert " ".join(lines[9].split()) == "0.20-0.80 4 100.00 % 25.00 % - 50.00 % 1.00 %"
    narrow = format_details("val", make_details().as_dict(), 40).splitlines()
    assert max(map(len, narrow[1:6])) <= 40
    assert "nats/char" in narrow[2]


def test_json_has_all_digits_and_null_for_what_it_lacks() -> None:
    answer = {"loss": 1 / 3, "perplexity": math.inf, "details": {"by_group": ({"value": math.nan},)}}
    assert json.loads(format_json([answer]))["scores"] == [
        {"loss": 1 / 3, "perplexity": None, "details": {"by_group": [{"value": None}]}}
    ]
