"""The rows that MLflow gets, and their names there."""

import pytest

from charrnn_exp.evaluation.scores import Scores, to_metrics
from charrnn_exp.tracking.rows import SECTIONS, Row, RowPicker, find_places, has_sections, pick_rows

VAL = {"val_loss": 2.0, "val_bits_per_char": 3.0}


def update(step: int) -> Row:
    return step, {"train_loss": step / 8, "learning_rate": 0.5, "gradient_norm": 2.0, "chars_per_second": 7.0}


@pytest.mark.parametrize(
    ("num_steps", "every", "picked"),
    [
        (23, 10, [1, 10, 20, 23]),
        (20, 10, [1, 10, 20]),
        (3, 10, [1, 3]),
        (1, 10, [1]),
        (4, 1, [1, 2, 3, 4]),
        (5, 2**63 - 1, [1, 5]),
    ],
)
def test_of_the_updates_the_first_the_multiples_and_the_last_are_picked(
    num_steps: int, every: int, picked: list[int]
) -> None:
    assert list(pick_rows(map(update, range(1, num_steps + 1)), every)) == [update(step) for step in picked]


def test_every_validation_is_picked_in_its_place() -> None:
    rows = [update(1), update(2), (2, VAL), update(3), (3, VAL)]
    assert list(pick_rows(rows, 10)) == [update(1), (2, VAL), (3, VAL), update(3)]


def test_of_the_scores_the_last_are_picked() -> None:
    rows: list[Row] = [update(1), (1, {"test_loss": 5.0, "val_accuracy": 0.5}), update(2), (2, {"test_loss": 4.0})]
    assert list(pick_rows(rows, 10)) == [update(1), update(2), (2, {"test_loss": 4.0}), (1, {"val_accuracy": 0.5})]


def test_rows_one_by_one_are_picked_as_all_at_once() -> None:
    rows, picker = [update(step) for step in range(1, 18)], RowPicker(7)
    one_by_one = [picked for row in rows for picked in picker.take(*row)]
    assert [step for step, _ in one_by_one] == [1, 7, 14]
    assert one_by_one + picker.finish() == list(pick_rows(rows, 7))
    assert picker.finish() == []


def test_the_losses_come_first_on_the_page_and_keep_their_plain_names_too() -> None:
    assert find_places("train_loss", 7) == [("train_loss", 7), ("loss/train_loss", 7)]
    sections = sorted({find_places(name, 7)[-1][0].partition("/")[0] for name in (*SECTIONS, "test_loss")})
    assert sections == ["loss", "scores", "updates", "validation"]


def test_every_score_is_a_bar_in_one_section() -> None:
    scores = Scores(loss=2.0, accuracy=0.5, standard_error=0.1, num_characters=3)
    for name in to_metrics("test", scores):
        assert find_places(name, 7)[-1] == (f"scores/{name}", 0)
    assert find_places("test_loss", 7)[0] == ("test_loss", 0)


def test_names_of_an_older_run_stay_as_they_are() -> None:
    older = {"train_loss", "learning_rate", "system/cpu_utilization_percentage"}
    assert not has_sections(older)
    for name in (*older, "test_loss"):
        assert find_places(name, 7, has_sections=False) == [(name, 7)]
    assert has_sections(
        {place for name in ("train_loss", "learning_rate", "test_loss") for place, _ in find_places(name, 7)}
    )
