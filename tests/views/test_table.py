"""Rows in columns."""

from charrnn_exp.streams import measure
from charrnn_exp.views.table import fit_columns, format_table


def test_columns_line_up() -> None:
    lines = format_table(["name", "n"], [["a", "1"], ["long name", "1,234"]]).split("\n")
    assert lines == ["name           n", "a              1", "long name  1,234"]


def test_columns_of_wide_characters_line_up_on_a_terminal() -> None:
    lines = format_table(["name", "n"], [["\u5468\u6770\u4f26", "1"], ["abc", "2"]]).split("\n")
    assert {measure(line) for line in lines} == {9}


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
