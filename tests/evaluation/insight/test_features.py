"""Properties of a text: each as its definition says, of any text."""

import random

import numpy as np
import pytest

from charrnn_exp.evaluation.insight.features import FEATURES, find_brackets, find_comments, find_quotes

PIECES = [
    '"',
    "'",
    "(",
    ")",
    "[",
    "}",
    "{",
    "//",
    "/*",
    "*/",
    "#",
    "\n",
    "\t",
    " ",
    "a",
    "AB",
    "_",
    "http://x",
    "\\",
    "e\u0301",
]


def show(text: str, find: object) -> str:
    """Return the characters at which a property holds."""
    values = find(text)  # type: ignore[operator]
    return "".join(symbol if value else "." for symbol, value in zip(text, values, strict=True))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_property_is_a_number_for_each_character_of_any_text(feature: object) -> None:
    generator = random.Random(5)
    for length in range(60):
        text = "".join(generator.choices(PIECES, k=length))
        values = feature.find(text)  # type: ignore[attr-defined]
        assert values.shape == (len(text),)
        assert np.all(values >= 0)
        assert feature.is_graded or set(values.tolist()) <= {0.0, 1.0}  # type: ignore[attr-defined]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_property_of_a_character_needs_no_later_lines(feature: object) -> None:
    """But for three quotation marks and /*, which are open to the end."""
    generator = random.Random(6)
    pieces = [piece for piece in PIECES if piece not in ('"', "/*")]
    for length in range(60):
        text = "".join(generator.choices(pieces, k=length)) + "\n"
        longer = text + "".join(generator.choices(pieces, k=20))
        find = feature.find  # type: ignore[attr-defined]
        np.testing.assert_array_equal(find(longer)[: len(text)], find(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('a "b\\"c" d', '.."b\\"c...'),
        ("don't 'do' it", "......'do...."),
        ('"open\nnext', '"open.....'),
        ('// "no"\n"yes"', '........"yes.'),
        ('"""a\nb""" c', '"""a\nb""...'),
    ],
)
def test_quotes_open_at_their_mark_and_end_before_the_closing_one(text: str, shown: str) -> None:
    assert show(text, find_quotes) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a /* b\nc */ d", "../* b\nc */.."),
        ("#include\n# note\nx", ".........# note.."),
        ('"// no" // yes', "........// yes"),
        ("http://a // b", ".........// b"),
    ],
)
def test_comments_are_those_of_c_and_python(text: str, shown: str) -> None:
    assert show(text, find_comments) == shown


def test_an_empty_line_closes_brackets() -> None:
    assert show("(a\n\nb", find_brackets) == "(a\n.."
