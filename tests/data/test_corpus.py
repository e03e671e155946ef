"""A text becomes ids without a change, wherever its pieces are cut; what is odd is noted, what is wrong is located."""

import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import Config, DatasetConfig
from charrnn_exp.data.corpus import Corpus, describe, load_corpus, read_ids
from charrnn_exp.errors import UserError
from tests.data.conftest import MakeDataset

KOREAN = "\ub098\ub294 \uc790\ub7ed\uc2a4\ub7fd\ub2e4\n"
MIXED = "a\u00e9\uac00\U0001f600\ufeff\r\n\0z" * 2


def read_back(corpus: Corpus) -> str:
    return corpus.vocabulary.to_bytes(corpus.ids_n).decode("utf-8")


def fail(dataset: DatasetConfig) -> str:
    with pytest.raises(UserError) as caught:
        load_corpus(dataset)
    (line,) = caught.value.lines
    return line


@pytest.mark.parametrize("text", [MIXED, KOREAN * 3, "plain\n"], ids=["mixed", "korean", "plain"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16", "utf-32-be", "utf-32", "gb18030", "utf-7"])
def test_a_text_comes_back_as_it_was_wherever_its_pieces_are_cut(
    make_dataset: MakeDataset, chunk_bytes: int, encoding: str, text: str
) -> None:
    content = text.encode(encoding)
    corpus = load_corpus(make_dataset(content, encoding=encoding))
    assert read_back(corpus) == content.decode(encoding)
    assert corpus.fingerprint.num_bytes == len(content)


@pytest.mark.parametrize(
    ("encoding", "text"), [("euc_kr", KOREAN), ("shift_jis", "\u30a2\u30a4a"), ("cp1252", "\u20ac\u00e9")]
)
def test_other_encodings_come_back_as_they_were(
    make_dataset: MakeDataset, chunk_bytes: int, encoding: str, text: str
) -> None:
    assert read_back(load_corpus(make_dataset(text.encode(encoding), encoding=encoding))) == text


def test_ids_are_places_among_the_sorted_symbols(make_dataset: MakeDataset, chunk_bytes: int) -> None:
    corpus = load_corpus(make_dataset(MIXED.encode("utf-8")))
    symbols = sorted(set(MIXED))
    assert corpus.ids_n.tolist() == [symbols.index(symbol) for symbol in MIXED]
    assert corpus.vocabulary.code_points == tuple(map(ord, symbols))
    assert corpus.vocabulary.unit is Unit.char


def test_the_fingerprint_is_of_the_bytes_that_were_read(make_dataset: MakeDataset, chunk_bytes: int) -> None:
    content = MIXED.encode("utf-8")
    assert load_corpus(make_dataset(content)).fingerprint.as_dict() == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "num_bytes": len(content),
        "num_characters": len(MIXED),
        "num_symbols": len(set(MIXED)),
    }
    cut = load_corpus(make_dataset(content, max_bytes=7)).fingerprint
    assert (cut.sha256, cut.num_bytes) == (hashlib.sha256(content[:7]).hexdigest(), 7)


def test_as_bytes_a_text_is_its_bytes(make_dataset: MakeDataset, chunk_bytes: int) -> None:
    content = bytes(range(255, -1, -2)) + b"\xff\xfe"
    corpus = load_corpus(make_dataset(content, unit=Unit.byte))
    assert corpus.vocabulary.to_bytes(corpus.ids_n) == content
    assert corpus.vocabulary.code_points == tuple(sorted(set(content)))
    assert corpus.vocabulary.unit is Unit.byte
    assert corpus.ids_n.dtype == np.uint8


@pytest.mark.parametrize("unit", list(Unit))
def test_a_cut_drops_at_most_the_character_it_goes_through(
    make_dataset: MakeDataset, chunk_bytes: int, unit: Unit
) -> None:
    content = ("ab" + MIXED).encode("utf-8")
    for max_bytes in range(1, len(content) + 3):
        corpus = load_corpus(make_dataset(content, unit=unit, max_bytes=max_bytes))
        kept = content[:max_bytes]
        whole = kept if unit is Unit.byte else kept.decode("utf-8", errors="ignore").encode("utf-8")
        assert corpus.vocabulary.to_bytes(corpus.ids_n) == whole
        assert len(kept) - len(whole) < 4


@pytest.mark.parametrize(
    "content",
    [b"ok \xff\xfe\x41\x42", b"\xff", b"ab\xc3(xy", b"\xe2\x82", b"abc\xf0\x9f\x98", b"a\xed\xa0\x80b", b"\xc0\xaf",
     MIXED.encode("utf-8") + b"\x80tail"],
    ids=ascii,
)  # fmt: skip
def test_bytes_that_are_not_utf_8_are_located_exactly_wherever_pieces_are_cut(
    make_dataset: MakeDataset, chunk_bytes: int, content: bytes
) -> None:
    dataset = make_dataset(content)
    with pytest.raises(UnicodeDecodeError) as naive:
        content.decode("utf-8")
    start = naive.value.start
    line = fail(dataset)
    shown = line.partition("got the bytes ")[2].partition(" at byte ")[0]
    assert f" at byte {start}. " in line
    assert content[start : start + 4].hex(" ").startswith(shown)
    assert shown
    if chunk_bytes > len(content):
        assert shown == content[start : start + 4].hex(" ")


def test_bytes_that_are_not_utf_8_are_told_with_both_ways_out(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(b"good \x01text \xff\xfe more")
    assert fail(dataset) == (
        f"dataset {dataset.path} must be utf-8 text, got the bytes ff fe 20 6d at byte 11. "
        "No usual encoding reads the whole of it as text. As bytes: dataset.unit=byte."
    )
    assert load_corpus(make_dataset(b"good text \xff\xfe more", encoding="latin-1")).fingerprint.num_characters == 17
    assert load_corpus(make_dataset(b"good text \xff\xfe more", unit=Unit.byte)).fingerprint.num_characters == 17


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(b"abcdef", "utf-16"), (b"abcdef", "utf-32"), (b"abc", "utf-16-le"), (b"\x00\xd8\x00", "utf-16-le"),
     (b"\x81", "shift_jis"), (b"\x81", "cp1252"), (b"+a\xff", "utf-7")],
)  # fmt: skip
def test_bytes_of_another_encoding_are_the_users_mistake(
    make_dataset: MakeDataset, chunk_bytes: int, content: bytes, encoding: str
) -> None:
    assert f" must be {encoding} text, got " in fail(make_dataset(content, encoding=encoding))


def test_half_a_surrogate_pair_which_no_sample_could_write_is_the_users_mistake(make_dataset: MakeDataset) -> None:
    line = fail(make_dataset(rb"a\ud800b", encoding="unicode_escape"))
    assert "text, got half a surrogate pair" in line


@pytest.mark.parametrize("unit", list(Unit))
def test_an_empty_text_is_the_users_mistake(make_dataset: MakeDataset, unit: Unit) -> None:
    dataset = make_dataset(b"", unit=unit)
    assert fail(dataset) == f"dataset must hold at least one character, got an empty text ({dataset.path})."


@pytest.mark.parametrize("content", [b"aaaaaaa", b"\n"])
def test_a_text_of_one_symbol_is_read_with_a_note(make_dataset: MakeDataset, content: bytes) -> None:
    corpus = load_corpus(make_dataset(content))
    assert corpus.ids_n.tolist() == [0] * len(content)
    assert corpus.notes == ("the text has only one symbol: there is nothing to learn.",)


def test_an_ordinary_text_has_no_notes(make_dataset: MakeDataset) -> None:
    assert load_corpus(make_dataset(b"one\ttwo\nthree\n")).notes == ()


def test_odd_characters_stay_and_are_counted_in_the_notes(make_dataset: MakeDataset, chunk_bytes: int) -> None:
    text = "\ufeffa\r\nb\r\n\0\0\x1b\x1f c\ufeff\n"
    corpus = load_corpus(make_dataset(text.encode("utf-8")))
    assert read_back(corpus) == text
    assert corpus.notes == (
        "the text has 2 byte order marks (U+FEFF); they stay in it as symbols. "
        "dataset.encoding=utf-8-sig leaves out one at the start.",
        "the text has 2 carriage returns; they stay in it as symbols. dataset.newlines=lf makes line feeds of them.",
        "the text has 2 NUL characters; they stay in it as symbols.",
        "the text has 2 control characters; they stay in it as symbols.",
    )


@pytest.mark.parametrize(("num_symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (5000, np.uint16)])
def test_ids_of_many_symbols_are_wide_enough_and_no_wider(
    make_dataset: MakeDataset, num_symbols: int, dtype: type
) -> None:
    text = "".join(chr(0xAC00 + i) for i in range(num_symbols)) * 2
    corpus = load_corpus(make_dataset(text.encode("utf-8")))
    assert corpus.ids_n.dtype == dtype
    assert read_back(corpus) == text
    assert corpus.fingerprint.num_symbols == num_symbols


@pytest.mark.parametrize("unit", list(Unit))
def test_another_text_is_read_in_the_ids_of_the_first(
    make_dataset: MakeDataset, tmp_path: Path, chunk_bytes: int, unit: Unit
) -> None:
    dataset = make_dataset(MIXED.encode("utf-8"), unit=unit)
    vocabulary = load_corpus(dataset).vocabulary
    other = tmp_path / "other.txt"
    other.write_bytes(MIXED[7:2:-1].encode("utf-8"))
    ids_n, notes = read_ids(other, dataset, vocabulary, key="text")
    assert notes == []
    assert vocabulary.to_bytes(ids_n) == other.read_bytes()
    other.write_bytes(b"")
    assert len(read_ids(other, dataset, vocabulary, key="text")[0]) == 0


@pytest.mark.parametrize(
    ("unit", "content", "told"),
    [
        (Unit.char, b"aQz", "text must hold only symbols of the training text, got U+0051 'latin capital letter q'."),
        (Unit.byte, b"aQz", "text must hold only symbols of the training text, got 0x51."),
        (
            Unit.char,
            "a\U0010ffff".encode(),
            "text must hold only symbols of the training text, got U+10FFFF 'unnamed'.",
        ),
        (Unit.char, b"az\xffa", "must be utf-8 text, got the bytes ff"),
    ],
)
def test_another_text_with_strange_symbols_is_refused_by_its_own_name(
    make_dataset: MakeDataset, tmp_path: Path, chunk_bytes: int, unit: Unit, content: bytes, told: str
) -> None:
    dataset = make_dataset(MIXED.encode("utf-8"), unit=unit)
    (tmp_path / "other.txt").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_ids(tmp_path / "other.txt", dataset, load_corpus(dataset).vocabulary, key="text")
    (line,) = caught.value.lines
    assert line.startswith("text ")
    assert told in line


def test_memory_grows_by_at_most_three_bytes_per_byte_of_text(make_dataset: MakeDataset) -> None:
    def measure(content: bytes) -> int:
        dataset = make_dataset(content)
        del content
        tracemalloc.start()
        load_corpus(dataset)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    line = b"the quick brown fox jumps over the lazy dog and runs on for a while\n"
    short, long = line * 100_000, line * 200_000
    assert measure(long) - measure(short) <= 3 * (len(long) - len(short))


def test_a_text_is_named_as_the_user_named_it(make_dataset: MakeDataset, defaults: Config) -> None:
    dataset = make_dataset(b"a")
    assert describe(dataset) == dataset.path
    assert describe(defaults.dataset) == "stdlib"


@pytest.mark.parametrize(
    ("lines", "first", "is_told"), [(True, b"one", True), (True, b"one\n", False), (False, b"one", False)]
)
def test_a_file_that_ends_within_a_line_is_told_of_where_the_text_has_lines(
    make_dataset: MakeDataset, tmp_path: Path, lines: bool, first: bytes, is_told: bool
) -> None:
    dataset = make_dataset(first)
    (tmp_path / "to.txt").write_bytes(b"two\nthree")
    notes = load_corpus(replace(dataset, path=[str(dataset.path), str(tmp_path / "to.txt")], lines=lines)).notes
    expected = f"{dataset.path} ends without a line break: its last line and the first one of the next file are one."
    assert notes == ((expected,) if is_told else ())
