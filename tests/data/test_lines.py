"""Texts of lines: laid out with a line break before and after each, dealt by a hash of their bytes."""

import hashlib

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data import lines as module
from charrnn_exp.data.lines import deal_lines, find_breaks, find_line_break, iterate_lines, lay_out
from charrnn_exp.data.vocabulary import Vocabulary

VOCABULARY = Vocabulary(Unit.char, tuple(sorted(map(ord, "\nabcd\u00e9"))))
BREAK = 0


def encode(text: str) -> np.ndarray:
    return VOCABULARY.encode(text, key="text").astype(np.uint8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ab\nc", "\nab\nc\n"), ("ab\nc\n", "\nab\nc\n"), ("\n\na", "\n\n\na\n"), ("a\n\n", "\na\n\n"), ("\n", "\n\n")],
)
def test_a_laid_out_text_has_a_line_break_before_and_after_each_line(text: str, expected: str) -> None:
    found = lay_out(encode(text), BREAK)
    assert found.tolist() == encode(expected).tolist()
    assert found.dtype == np.uint8
    assert len(find_breaks(found, BREAK)) == len(text.removesuffix("\n").split("\n")) + 1


def test_the_line_break_has_an_id_where_the_text_has_lines() -> None:
    assert find_line_break(VOCABULARY, lines=True) == BREAK
    assert find_line_break(VOCABULARY, lines=False) is None
    assert find_line_break(Vocabulary(Unit.byte, (9, 10, 65)), lines=True) == 1


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_lines_are_the_bytes_between_line_breaks(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", block)
    text = "ab\n\nc\u00e9\nd\n\n\nabcd"
    found = list(iterate_lines(lay_out(encode(text), BREAK), VOCABULARY, BREAK))
    assert found == [line.encode() for line in text.split("\n")]


def test_lines_are_dealt_in_the_order_of_their_hashes_and_equal_ones_stand_together() -> None:
    lines = ["ab", "c", "d\u00e9", "", "ab", "bb", "c", "ab", "dd"]
    expected = sorted(lines, key=lambda line: hashlib.sha256(line.encode()).digest())
    dealt_n, is_last_l = deal_lines(lay_out(encode("\n".join(lines)), BREAK), VOCABULARY, BREAK)
    assert dealt_n.tolist() == encode("\n" + "\n".join(expected) + "\n").tolist()
    assert is_last_l.tolist() == [a != b for a, b in zip(expected, [*expected[1:], None], strict=True)]
    assert expected != sorted(lines), "the deal sorts by something else"


def test_the_deal_does_not_depend_on_the_order_in_the_file() -> None:
    lines = ["ab", "c", "d\u00e9", "ab", "bb"]
    one, two = (
        deal_lines(lay_out(encode("\n".join(each)), BREAK), VOCABULARY, BREAK)[0] for each in (lines, sorted(lines))
    )
    assert one.tolist() == two.tolist()
