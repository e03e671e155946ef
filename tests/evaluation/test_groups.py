"""Groups of the characters of a text, against Python's own strings.

Axes: n character, p scored character.
"""

import string
from collections.abc import Callable

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.evaluation import groups as module
from charrnn_exp.evaluation.groups import CLASSES, count_words, find_class, group_characters

TEXT = (
    "\nTo be, (or) not\n\n  2 be:\tthat\u00e9 \u0434\u0430 is <it>?\n"
    "A very-long-word_indeed stands in a line of the text that is longer than others \n"
)


def encode(text: str, unit: Unit = Unit.char) -> tuple[np.ndarray, Vocabulary]:
    points = np.array(list(text.encode()) if unit is Unit.byte else list(map(ord, text)))
    vocabulary = Vocabulary(unit, tuple(np.unique(points).tolist()))
    return vocabulary.find_ids(points, key="text"), vocabulary


def name_by_hand(symbol: str) -> str:
    """Return the class of an ASCII symbol by the lists of the module `string`."""
    lists = {
        "letters": string.ascii_lowercase, "capitals": string.ascii_uppercase, "digits": string.digits,
        "blanks": string.whitespace + "\x1c\x1d\x1e\x1f", "brackets": "()[]{}",
    }  # fmt: skip
    (*found,) = (name for name, symbols in lists.items() if symbol in symbols)
    return found[0] if found else "other signs"


def test_ascii_is_parted_as_by_hand() -> None:
    assert [find_class(point, Unit.char) for point in range(128)] == [name_by_hand(chr(point)) for point in range(128)]


@pytest.mark.parametrize(
    ("symbols", "name"),
    [
        ("\u00e9\u00df\u0142\uff41", "letters"),
        ("\u00c9\u0141\u01c5\uff21", "capitals"),
        ("\u0663\u00bd\u2167", "digits"),
        ("\u00a0\u3000\u2028", "blanks"),
        ("\u300c\u27e9", "brackets"),
        ("\u20ac\u2014\u201c\u00ab\ufeff\u0000", "other signs"),
        ("\u0434\u03b1\u4f60\uac00\u0e34\u0301\u00aa", "other scripts"),
    ],
)
def test_symbols_beyond_ascii_are_parted_by_script_and_category(symbols: str, name: str) -> None:
    assert {find_class(ord(symbol), Unit.char) for symbol in symbols} == {name}


def test_a_byte_from_128_on_is_of_another_script_and_no_blank() -> None:
    assert {find_class(byte, Unit.byte) for byte in range(128, 256)} == {"other scripts"}
    found = [byte for byte in range(256) if find_class(byte, Unit.byte) == "blanks"]
    assert found == [byte for byte in range(256) if not bytes([byte]).split()]


@pytest.mark.parametrize("starts", [(0,), (0, 7, 8, 31)])
@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_each_scored_character_has_its_class_and_its_positions(
    starts: tuple[int, ...], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    ids_n, vocabulary = encode(TEXT)
    found = group_characters(ids_n, starts, vocabulary)
    expected: dict[str, list[str]] = {name: [] for name in found}
    for first, stop in zip(starts, [*starts[1:], len(TEXT)], strict=True):
        part = TEXT[first:stop]
        for at in range(1, len(part)):
            line = count_back(part, at, lambda symbol: symbol == "\n")
            word = count_back(part, at, str.isspace)
            expected["symbol"].append(find_class(ord(part[at]), Unit.char))
            expected["position in line"].append(name_position(line, [1, 2, 3, 5, 9, 17, 33, 65]))
            in_word = "white space" if part[at].isspace() else name_position(word, [1, 2, 3, 4, 5, 9])
            expected["position in word"].append(in_word)
    for name, grouping in found.items():
        assert [grouping.labels[k] for k in grouping.group_p] == expected[name], name
    assert found["symbol"].labels == CLASSES


def count_back(part: str, at: int, ends: Callable[[str], bool]) -> int:
    """Return 1 for the first character after one that ends a run, or of the part; 2 for the next."""
    position = 1
    while position <= at and not ends(part[at - position]):
        position += 1
    return position


def name_position(position: int, firsts: list[int]) -> str:
    (*smaller, last), rest = [first for first in firsts if first <= position], [*firsts, 0]
    after = rest[len(smaller) + 1] - 1
    return f"{last} on" if after < 0 else str(last) if after == last else f"{last}-{after}"


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("text", [TEXT, TEXT[1:], "word", " \n ", "a\x1cb\u00a0c", "  two words  "])
def test_words_are_those_of_split(text: str, unit: Unit) -> None:
    ids_n, vocabulary = encode(text, unit)
    assert count_words(ids_n, (0,), vocabulary) == len(text.encode().split() if unit is Unit.byte else text.split())


def test_a_word_that_parts_cut_counts_in_both() -> None:
    ids_n, vocabulary = encode("one two three")
    assert count_words(ids_n, (0, 6), vocabulary) == len(["one", "tw"]) + len(["o", "three"])
