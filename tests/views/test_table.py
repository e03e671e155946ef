"""Rows in columns, and lines of a width."""

import pytest

from charrnn_exp.views.table import fit_columns, format_table, measure, wrap


def test_columns_line_up() -> None:
    lines = format_table(["name", "n"], [["a", "1"], ["long name", "1,234"]]).split("\n")
    assert lines == ["name           n", "a              1", "long name  1,234"]


def test_columns_of_wide_characters_line_up_on_a_terminal() -> None:
    lines = format_table(["name", "n"], [["\u5468\u6770\u4f26", "1"], ["abc", "2"]]).split("\n")
    assert {measure(line) for line in lines} == {9}


@pytest.mark.parametrize("width", [8, 20, 40, 80])
def test_a_line_is_cut_between_words_and_loses_none(width: int) -> None:
    line = "the quick brown fox jumps over incomprehensibilities and \u5468\u6770\u4f26 of 1,234 characters"
    pieces = wrap(line, width)
    assert " ".join(piece.strip() for piece in pieces) == line
    assert all(measure(piece) <= width or " " not in piece.strip() for piece in pieces)
    assert all(piece.startswith("  ") for piece in pieces[1:])


def test_columns_without_room_are_left_out_in_the_given_order() -> None:
    header, rows = ["name", "shape", "n"], [["lstm", "3 x 4", "12"]]
    assert fit_columns(header, rows, 40, dropped_first=["shape"]).split("\n")[1].split() == [
        "lstm",
        "3",
        "x",
        "4",
        "12",
    ]
    assert fit_columns(header, rows, 10, dropped_first=["shape"]).split("\n") == ["name   n", "lstm  12"]
    assert fit_columns(header, rows, 2, dropped_first=["shape"]).split("\n") == ["name   n", "lstm  12"]
