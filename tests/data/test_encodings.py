"""A text in another encoding is told by its bytes: the advice that comes first reads it as it was written."""

from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import DecodingErrors, Newlines, Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.encodings import Sample, find_better, find_encodings
from charrnn_exp.data.languages import load_languages, rate_text
from charrnn_exp.errors import UserError
from tests.data.conftest import MakeDataset

TEXTS = {
    line.partition("\t")[0]: line.partition("\t")[2] + "\n"
    for line in (Path(__file__).parent / "languages.tsv").read_text(encoding="utf-8").splitlines()
}
"""A paragraph in each of 14 languages, written for these tests."""
ENCODINGS = ["cp1252", "shift_jis", "euc-jp", "gb18030", "gbk", "gb2312", "big5", "euc-kr", "cp949", "cp1251", "koi8-r",
             "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1250", "cp1253", "cp1255"]  # fmt: skip


def list_cases(num_bytes: int) -> list[tuple[str, str, str]]:
    """Return language, encoding and a text of so many bytes, wherever the encoding has all of its characters."""
    cases = []
    for language, paragraph in TEXTS.items():
        for encoding in ENCODINGS:
            try:
                raw = paragraph.encode(encoding)
            except UnicodeEncodeError:
                continue
            cases.append((language, encoding, paragraph * (num_bytes // len(raw) + 1)))
    return cases


CASES = list_cases(2000)

PLAIN = "This program is free software; you can redistribute it and/or modify it under these terms.\n" * 40
IN_PLAIN = [
    f"{sign} 2009 5{sign} 5{sign}5 5 {sign} 5 ({sign})\n"
    for sign in "\xa3\xa7\xa9\xae\xb0\xb1\xb2\xb3\xb5\xbc\xbd\xd7\xf7\u2020\u2022\u2026\u20ac\u2122"
]
NAMES = [
    "caf\xe9",
    "na\xefve",
    "se\xf1or",
    "M\xfcller",
    "stra\xdfe",
    "\xc6sop",
    "\xabno\xbb",
    "\u201cdon\u2019t\u201d",
    "Dvo\u0159\xe1k",
]
IN_PLAIN += [f" {name} " for name in NAMES]
"""Signs and names as they stand in texts that are ASCII otherwise."""


@pytest.mark.parametrize("num_times", [1, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
def test_a_sign_or_name_in_a_text_of_ascii_does_not_make_it_another_alphabet(encoding: str, num_times: int) -> None:
    num_held = 0
    for found in IN_PLAIN:
        text = PLAIN + (PLAIN[:92] + found) * num_times
        try:
            raw = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        num_held += 1
        sample = Sample.of([raw])
        assert find_better(sample, encoding) is None, found
        assert raw.decode(find_encodings(sample, [raw]).names[0]) == text, found
    assert num_held > 15


def test_the_encodings_that_can_hold_these_texts_are_many() -> None:
    assert len(TEXTS) >= 12
    assert len(CASES) > 80
    assert {encoding for _, encoding, _ in CASES} == set(ENCODINGS)


@pytest.mark.parametrize("language", TEXTS)
def test_what_is_advised_first_reads_a_text_as_it_was_written(language: str) -> None:
    for _, encoding, text in (case for case in CASES if case[0] == language):
        raw = text.encode(encoding)
        found = find_encodings(Sample.of([raw]), [raw])
        assert found.names, (encoding, found)
        assert raw.decode(found.names[0]) == text, (encoding, found)
        assert not found.is_guess


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_read_as_it_was_written_is_never_said_to_be_another(language: str) -> None:
    for _, encoding, text in (case for case in CASES if case[0] == language):
        assert find_better(Sample.of([text.encode(encoding)]), encoding) is None, encoding


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_a_sample_is_the_same_however_the_text_is_cut_and_starts_at_a_whole_character(size: int) -> None:
    for encoding in ("shift_jis", "utf-16-le", "utf-16-be"):
        raw = ("plain ascii \n" * 300 + TEXTS["japanese"] * 20).encode(encoding)
        sample = Sample.of(raw[i : i + size] for i in range(0, len(raw), size))
        assert sample.content.decode(encoding) in raw.decode(encoding)
        assert (sample.num_bytes, sample.num_beyond >= 20) == (len(raw), True)


def test_every_language_rates_its_own_text_above_its_mojibake() -> None:
    assert len(load_languages()) > 30
    for text in TEXTS.values():
        assert rate_text(text) > 1.0
        if not text.isascii():
            assert rate_text(text.encode().decode("cp437")) < 0.8


def fail(dataset: DatasetConfig) -> str:
    with pytest.raises(UserError) as caught:
        load_corpus(dataset)
    (line,) = caught.value.lines
    return line


def test_a_refused_text_is_told_with_the_setting_to_paste(make_dataset: MakeDataset) -> None:
    german = TEXTS["german"].encode("cp1252")
    line = fail(make_dataset(german * 9))
    assert "What reads the whole of it as text" in line
    assert "dataset.encoding=cp1252" in line
    assert line.endswith("As bytes: dataset.unit=byte.")
    assert "latin-1" not in line
    assert "guess" not in line
    assert "a guess from a short text: dataset.encoding=cp1252" in fail(make_dataset(german[:80]))
    assert "as text: dataset.encoding=utf-8." in fail(make_dataset(b"plain ascii", encoding="utf-16"))


@pytest.mark.parametrize(
    ("head", "told"),
    [(b"\x1f\x8b\x08", "got a gzip file. Unpack it first"), (b"PK\x03\x04", "got a zip file. Unpack it first"),
     (b"%PDF-1.7\n", "got a PDF file. Save its text"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "got an old Office file")],
)  # fmt: skip
def test_a_file_that_is_no_text_is_named_as_what_it_is(make_dataset: MakeDataset, head: bytes, told: str) -> None:
    assert told in fail(make_dataset(head + bytes(range(128, 256)) * 4))
    notes = load_corpus(make_dataset(head + b"abc", unit=Unit.byte)).notes
    assert any(" begins as a" in note for note in notes)


def test_a_text_with_few_faults_is_offered_to_be_mended(make_dataset: MakeDataset) -> None:
    raw = TEXTS["russian"].encode() * 5 + b"\xff" + TEXTS["russian"].encode()
    assert "All of it but 1 places is utf-8 text: dataset.errors=replace" in fail(make_dataset(raw))


def test_a_text_read_in_the_wrong_encoding_is_warned_of(make_dataset: MakeDataset) -> None:
    russian = TEXTS["russian"] * 5
    for raw, encoding, told in (
        (russian.encode(), "latin-1", "most likely that: dataset.encoding=utf-8."),
        (russian.encode("cp1251"), "latin-1", "looks more like cp1251 text: dataset.encoding=cp1251."),
        (russian.encode("koi8-r"), "cp1251", "looks more like koi8-r text: dataset.encoding=koi8-r."),
        (("\u201cwell\u201d \u2013 " * 400).encode("cp1252"), "latin-1", "dataset.encoding=cp1252."),
        (("plain ascii\n" * 200).encode("utf-16-le"), "utf-8", "dataset.encoding=utf-16-le."),
    ):
        notes = load_corpus(make_dataset(raw, encoding=encoding)).notes
        assert any(note.endswith(told) for note in notes), (encoding, notes)


def test_c1_controls_and_nul_are_counted_apart(make_dataset: MakeDataset) -> None:
    notes = load_corpus(make_dataset("a\x80b\x9f\0\n".encode())).notes
    assert "the text has 2 C1 control characters (U+0080 to U+009F); they stay in it as symbols." in notes
    assert "the text has 1 NUL characters; they stay in it as symbols." in notes


def test_bytes_in_another_encoding_than_that_of_prompts_are_told(make_dataset: MakeDataset) -> None:
    raw = (TEXTS["german"] * 9).encode("cp1252")
    (note,) = load_corpus(make_dataset(raw, unit=Unit.byte)).notes
    assert note.startswith("prompts are written in utf-8, in which the text is not. ")
    assert "dataset.encoding=cp1252" in note
    assert load_corpus(make_dataset(raw, unit=Unit.byte, encoding="cp1252")).notes == ()
    assert load_corpus(make_dataset((TEXTS["german"] * 9).encode(), unit=Unit.byte)).notes == ()


@pytest.mark.parametrize("errors", [DecodingErrors.replace, DecodingErrors.ignore])
def test_faults_are_mended_as_python_does_and_counted(
    make_dataset: MakeDataset, chunk_bytes: int, errors: DecodingErrors
) -> None:
    raw = b"ab\xff\xc3(\xe2\x82cd\xea\xb0\x80\xf0\x9f\x98"
    corpus = load_corpus(replace(make_dataset(raw), errors=errors))
    assert corpus.vocabulary.decode(corpus.ids_n) == raw.decode("utf-8", errors.name)
    done = "became U+FFFD" if errors is DecodingErrors.replace else "were left out"
    assert f"4 places that are not utf-8 {done} (dataset.errors={errors.name})." in corpus.notes
    assert corpus.fingerprint.as_dict()["errors"] == errors.name


@pytest.mark.parametrize("unit", list(Unit))
def test_line_feeds_take_the_place_of_carriage_returns_wherever_pieces_are_cut(
    make_dataset: MakeDataset, chunk_bytes: int, unit: Unit
) -> None:
    raw = b"\r\na\r\n\r\nb\rc\n\r\r\n\r"
    corpus = load_corpus(replace(make_dataset(raw, unit=unit), newlines=Newlines.lf))
    expected = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert corpus.vocabulary.to_bytes(corpus.ids_n) == expected
    assert "7 carriage returns became line feeds (dataset.newlines=lf)." in corpus.notes
    assert corpus.fingerprint.as_dict()["newlines"] == "lf"


@pytest.mark.parametrize(("encoding", "late", "advised"), [("cp932", "\u2460", "cp932"), ("cp949", "\ubdc1", "cp949")])
def test_a_superset_is_advised_where_a_late_character_needs_it(encoding: str, late: str, advised: str) -> None:
    language = {"cp932": "japanese", "cp949": "korean"}[encoding]
    raw = (TEXTS[language] * 100 + late).encode(encoding)
    found = find_encodings(Sample.of([raw]), [raw])
    assert found.names[0] == advised
