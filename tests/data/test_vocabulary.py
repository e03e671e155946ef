"""A symbol's id is its place among the sorted symbols; whatever is encoded comes back as it was."""

import json
import random

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary, code_points_of, id_type
from charrnn_exp.errors import UserError

TEXTS = [
    "a",
    "hello\nworld",
    "\uac00\ub098\ub2e4 \ud55c\uad6d\uc5b4\n",
    "caf\u00e9\r\n\0\ufeff\x1b",
    "\U0001f600a\U0010ffff",
    "".join(map(chr, range(300))),
]


def of_chars(text: str) -> Vocabulary:
    return Vocabulary(Unit.char, tuple(sorted(map(ord, set(text)))))


def of_bytes(content: bytes) -> Vocabulary:
    return Vocabulary(Unit.byte, tuple(sorted(set(content))))


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_symbols_id_is_its_place_among_the_sorted_symbols(text: str) -> None:
    vocabulary = of_chars(text)
    places = {symbol: i for i, symbol in enumerate(sorted(set(text)))}
    assert len(vocabulary) == len(places)
    ids_t = vocabulary.encode(text, key="k")
    assert ids_t.tolist() == [places[symbol] for symbol in text]
    assert ids_t.dtype == np.int32
    assert vocabulary.lookup[code_points_of(text)].tolist() == ids_t.tolist()


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_what_is_encoded_comes_back_as_it_was(text: str) -> None:
    chars, octets = of_chars(text), of_bytes(text.encode("utf-8"))
    assert chars.decode(chars.encode(text, key="k")) == text
    assert octets.decode(octets.encode(text, key="k")) == text
    assert chars.to_bytes(chars.encode(text, key="k")) == text.encode("utf-8")
    assert octets.to_bytes(octets.encode(text, key="k")) == text.encode("utf-8")


@pytest.mark.slow
def test_a_thousand_random_texts_come_back_as_they_were() -> None:
    draw = random.Random(7)
    for _ in range(1000):
        points = [draw.choice([draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)]) for _ in range(5)]
        text = "".join(map(chr, points))
        vocabulary = of_chars(text)
        assert vocabulary.decode(vocabulary.encode(text, key="k")) == text


def test_nothing_encodes_to_nothing() -> None:
    assert of_chars("ab").encode("", key="k").tolist() == []
    assert of_chars("ab").decode(np.array([], dtype=np.int32)) == ""


def test_every_byte_is_a_symbol_of_its_own() -> None:
    content = bytes(range(256))
    vocabulary = of_bytes(content)
    ids_t = np.arange(256)
    assert len(vocabulary) == 256
    assert vocabulary.to_bytes(ids_t) == content


def test_bytes_that_are_not_utf_8_are_shown_as_replacement_characters() -> None:
    vocabulary = of_bytes(b"a\xff")
    assert vocabulary.to_bytes(np.array([1, 0, 1])) == b"\xffa\xff"
    assert vocabulary.decode(np.array([1, 0, 1])) == "\ufffda\ufffd"


def test_symbols_that_are_missing_are_each_named() -> None:
    with pytest.raises(UserError) as caught:
        of_chars("abc\n").encode("x\u00e9a\tx\U0001f600", key="sampling.prompt")
    (line,) = caught.value.lines
    assert line == (
        "sampling.prompt must hold only symbols of the training text, got U+0009 'unnamed', "
        "U+0078 'latin small letter x', U+00E9 'latin small letter e with acute', U+1F600 'grinning face'. "
        "Leave them out; sample and evaluate do so with unknown=skip."
    )


def test_bytes_that_are_missing_are_each_named() -> None:
    with pytest.raises(UserError) as caught:
        of_bytes(b"abc").encode("a\u00e9", key="sampling.prompt")
    assert "got 0xA9, 0xC3." in caught.value.lines[0]


def test_however_many_symbols_are_missing_none_is_left_out_in_silence() -> None:
    missing = [chr(0xAC00 + i) for i in range(41)]
    with pytest.raises(UserError) as caught:
        of_chars("abc").encode("".join(missing), key="sampling.prompt")
    (line,) = caught.value.lines
    assert all(f"U+{ord(symbol):04X}" in line for symbol in missing) or "41" in line or "21 more" in line


@pytest.mark.parametrize("unit", list(Unit))
def test_half_a_surrogate_pair_is_a_missing_symbol_like_any_other(unit: Unit) -> None:
    with pytest.raises(UserError, match=r"^sampling\.prompt must hold only symbols"):
        Vocabulary(unit, (97,)).encode("a\udcff", key="sampling.prompt")


@pytest.mark.parametrize("vocabulary", [of_chars(TEXTS[2]), of_bytes(bytes(range(256))), of_chars("a")], ids=len)
def test_a_vocabulary_survives_its_file(vocabulary: Vocabulary) -> None:
    text = vocabulary.to_json()
    again = Vocabulary.from_json(json.loads(text))
    assert again == vocabulary
    assert again.sha256 == vocabulary.sha256
    assert text.isascii()
    assert json.loads(text)["unit"] == vocabulary.unit.name


def test_the_fingerprint_tells_any_other_vocabulary() -> None:
    others = [
        Vocabulary(Unit.char, (97, 98, 99)),
        Vocabulary(Unit.byte, (97, 98, 99)),
        Vocabulary(Unit.char, (97, 99, 98)),
        Vocabulary(Unit.char, (97, 98)),
        Vocabulary(Unit.char, (97, 98, 100)),
    ]
    assert len({vocabulary.sha256 for vocabulary in others}) == len(others)


@pytest.mark.parametrize(
    ("num_symbols", "expected"),
    [(1, np.uint8), (256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, np.uint32), (0x110000, np.uint32)],
)
def test_ids_take_the_fewest_bytes_that_hold_them(num_symbols: int, expected: type) -> None:
    assert id_type(num_symbols) is expected
    assert np.iinfo(expected).max >= num_symbols - 1
