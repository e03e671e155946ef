"""What the model reads first comes from a setting, a file, or standard input, and fits the vocabulary."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import Unit, Unknown
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import Config
from charrnn_exp.data.prompt import put_prompt, read_prompt, read_prompt_once
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.views.terminal import Terminal
from tests.conftest import slow_after

SYMBOLS = Vocabulary(Unit.char, tuple(sorted(map(ord, "\n abc\uac00"))))


@pytest.fixture
def config(defaults: Config) -> Config:
    return change(defaults)


def change(config: Config, *, prompt: str | None = None, prompt_file: str | None = None) -> Config:
    return replace(config, sampling=replace(config.sampling, prompt=prompt, prompt_file=prompt_file))


def read(config: Config, vocabulary: Vocabulary = SYMBOLS) -> str:
    return vocabulary.decode(read_prompt(config, vocabulary))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be", "ascii", "cp037", "shift_jis", "utf-8-sig"])
@pytest.mark.parametrize("content", [b"F\xf3\x81" * 50, b"\xf3F" * 50, b"\\\xfc\xa5" * 50, b"\x00a" * 50])
def test_bytes_without_a_line_break_start_with_a_byte_of_theirs_in_every_encoding(
    encoding: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "text").write_bytes(content)
    words = [f"dataset.path={tmp_path / 'text'}", f"dataset.encoding={encoding}", "dataset.unit=byte"]
    (config,) = compose_jobs(["dataset=file", *words, "training.batch_size=2", "training.sequence_length=7"])
    prepared = prepare_run(config, terminal=Terminal())
    assert prepared.text.prompt_ids_t is not None
    assert read_prompt(prepared.config, prepared.text.corpus.vocabulary).tolist() == prepared.text.prompt_ids_t.tolist()
    assert len(prepared.text.prompt_ids_t) == 1


def fail(config: Config) -> str:
    with pytest.raises(UserError) as caught:
        read_prompt(config, SYMBOLS)
    (line,) = caught.value.lines
    return line


def write(config: Config, path: Path, content: bytes) -> Config:
    path.write_bytes(content)
    return change(config, prompt_file=str(path))


@pytest.mark.parametrize(
    ("unit", "symbols", "first"),
    [
        (Unit.char, [9, 10, 97], 1),
        (Unit.char, [97, 98], 0),
        (Unit.char, [0xAC00, 0x1F600], 0),
        (Unit.char, [0], 0),
        (Unit.byte, [9, 10, 97], 1),
        (Unit.byte, [97, 98], 0),
        (Unit.byte, [0x80, 0xFF], 0),
        (Unit.byte, [0xA9, 0xC3], 0),
    ],
)
def test_without_a_prompt_a_line_break_or_the_first_symbol_of_any_text_starts(
    config: Config, unit: Unit, symbols: list[int], first: int
) -> None:
    assert read_prompt(config, Vocabulary(unit, tuple(symbols))).tolist() == [first]


@pytest.mark.parametrize("prompt", ["a", "abc \n", " ", "\uac00\uac00"])
def test_a_prompt_is_read_as_it_is(config: Config, prompt: str) -> None:
    assert read(change(config, prompt=prompt)) == prompt


@pytest.mark.parametrize(
    ("content", "prompt"),
    [(b"abc", "abc"), (b"abc\n", "abc"), (b"abc\n\n", "abc\n"), (b" a", " a"), (b"\xea\xb0\x80\n", "\uac00")],
)
def test_a_file_is_read_without_the_line_break_that_editors_add(
    config: Config, tmp_path: Path, content: bytes, prompt: str
) -> None:
    assert read(write(config, tmp_path / "prompt.txt", content)) == prompt


def test_a_files_path_starts_at_the_current_folder_or_at_home(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, tmp_path / "prompt.txt", b"abc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("prompt.txt", "~/prompt.txt"):
        assert read(change(config, prompt_file=name)) == "abc"


@pytest.mark.parametrize("prompt", ["x", "ab\u00e9", "\t"])
def test_symbols_that_the_text_lacks_are_named_with_the_setting_they_came_from(
    config: Config, tmp_path: Path, prompt: str
) -> None:
    named = f"U+{ord(prompt[-1]):04X}"
    line = fail(change(config, prompt=prompt))
    assert line.startswith("sampling.prompt must hold only symbols of the training text, got ")
    assert named in line
    line = fail(write(config, tmp_path / "prompt.txt", prompt.encode("utf-8")))
    assert line.startswith("sampling.prompt_file must hold only symbols of the training text, got ")
    assert named in line


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_a_file_without_a_character_is_the_users_mistake(config: Config, tmp_path: Path, content: bytes) -> None:
    line = fail(write(config, tmp_path / "prompt.txt", content))
    assert line.startswith("sampling.prompt_file must hold at least one character, got nothing in ")
    assert "prompt.txt" in line


def test_a_file_that_is_not_utf_8_is_located(config: Config, tmp_path: Path) -> None:
    line = fail(write(config, tmp_path / "prompt.txt", b"abc\xe9"))
    assert line.startswith("sampling.prompt_file must be UTF-8 text, got a bad byte at 3 in ")


@pytest.mark.parametrize(
    "name", ["none.txt", ".", "a" * 300, "prompt.txt/b", "a\0b", "~nobody-has-this-name/a"], ids=ascii
)
def test_a_file_that_cannot_be_read_is_named_with_its_absolute_path(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "prompt.txt").touch()
    monkeypatch.chdir(tmp_path)
    line = fail(change(config, prompt_file=name))
    assert line.startswith("sampling.prompt_file must be a readable file, got ")
    if name in ("none.txt", "prompt.txt/b"):
        assert str(Path.cwd() / name) in line


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_file_without_an_end_is_the_users_mistake(config: Config) -> None:
    assert "more than 10,000,000 bytes" in fail(change(config, prompt_file="/dev/zero"))


@pytest.mark.parametrize("content", ["abc\n", "a\uac00"])
def test_the_text_of_standard_input_becomes_the_prompt_of_every_job_that_asks_for_it(
    config: Config, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """As UTF-8, whatever the locale."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="ascii"))
    asking, other = change(config, prompt_file="-"), change(config, prompt="a")
    typed = read_prompt_once([other, asking, asking])
    for kept in (put_prompt(asking.sampling, typed), put_prompt(asking.sampling, typed)):
        assert (kept.prompt, kept.prompt_file) == (content.removesuffix("\n"), None)
        assert read(replace(asking, sampling=kept)) == kept.prompt


def test_a_prompt_from_elsewhere_stays_as_it_is_and_leaves_standard_input_alone(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    for own in (change(config, prompt="a"), change(config, prompt_file="prompt.txt")):
        assert put_prompt(own.sampling, read_prompt_once([own])) == own.sampling


def test_a_closed_standard_input_is_the_users_mistake(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="standard input is closed"):
        read_prompt_once([change(config, prompt_file="-")])


@pytest.mark.parametrize(
    ("content", "prompt"),
    [(b"\xef\xbb\xbfabc\n", "abc"), (b"abc\r\n", "abc"), (b"a\r\nb\r\n", "a\nb"), ("abc\n".encode("utf-16"), "abc"),
     (b"\xef\xbb\xbfa\r\n\r\n", "a\n")],
)  # fmt: skip
def test_a_mark_and_an_editors_ends_of_lines_are_no_part_of_a_prompt(
    config: Config, tmp_path: Path, content: bytes, prompt: str
) -> None:
    assert read(write(config, tmp_path / "prompt.txt", content)) == prompt


def test_carriage_returns_of_a_prompt_stay_where_the_text_has_them(config: Config, tmp_path: Path) -> None:
    symbols = Vocabulary(Unit.char, (10, 13, 97))
    assert read(write(config, tmp_path / "prompt.txt", b"a\r\na\r\n"), symbols) == "a\r\na"


def test_unknown_symbols_are_skipped_and_counted_where_that_is_asked_for(config: Config) -> None:
    lines: list[str] = []
    asked = change(config, prompt="xaby\u00e9")
    ids_t = read_prompt(asked, SYMBOLS, unknown=Unknown.skip, warn=lines.append)
    assert SYMBOLS.decode(ids_t) == "ab"
    assert lines == ["sampling.prompt: 3 symbols that the training text lacks were skipped."]
    read_prompt(change(config, prompt="ab"), SYMBOLS, unknown=Unknown.skip, warn=lines.append)
    assert len(lines) == 1
    with pytest.raises(UserError, match=r"sampling\.prompt must hold a symbol of the training text"):
        read_prompt(change(config, prompt="xyz"), SYMBOLS, unknown=Unknown.skip)


ALL_BYTES = Vocabulary(Unit.byte, tuple(range(256)))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16", "utf-8-sig"])
def test_a_model_of_bytes_takes_its_prompt_in_the_encoding_of_its_text_without_a_mark(
    config: Config, encoding: str
) -> None:
    asked = replace(change(config, prompt="K\u00e4se"), dataset=replace(config.dataset, encoding=encoding))
    expected = "K\u00e4se".encode({"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding))
    assert ALL_BYTES.to_bytes(read_prompt(asked, ALL_BYTES)) == expected


def test_a_symbol_that_the_encoding_of_a_model_of_bytes_lacks_is_told(config: Config) -> None:
    asked = replace(change(config, prompt="a\uac00"), dataset=replace(config.dataset, encoding="cp1252"))
    with pytest.raises(UserError, match=r"must hold only symbols of dataset.encoding=cp1252, got U\+AC00"):
        read_prompt(asked, ALL_BYTES)
    assert ALL_BYTES.to_bytes(read_prompt(asked, ALL_BYTES, unknown=Unknown.skip)) == b"a"


def test_a_prompt_file_of_a_model_of_bytes_may_be_any_bytes(config: Config, tmp_path: Path) -> None:
    asked = write(config, tmp_path / "prompt.txt", b"K\xe4se\n")
    for encoding in ("cp1252", "utf-8"):
        own = replace(asked, dataset=replace(config.dataset, encoding=encoding, unit=Unit.byte))
        assert ALL_BYTES.to_bytes(read_prompt(own, ALL_BYTES)) == b"K\xe4se"


@pytest.mark.parametrize(
    ("unit", "text", "prompt"),
    slow_after(
        3,
        [
            ("char", "\u00e9tude " * 60, "\u00e9"),
            ("byte", "\u00e9tude " * 60, None),
            ("char", "\x07bell " * 60, None),
            ("char", "zebra and a horse " * 40, "z"),
            ("byte", "zebra and a horse " * 40, "z"),
            ("char", "zebra\n" * 60, None),
        ],
    ),
)
def test_a_run_without_prompt_and_line_break_keeps_the_first_symbol_of_its_text(
    unit: str, text: str, prompt: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    words = ["dataset=file", f"dataset.path={path}", f"dataset.unit={unit}", "dataset.split=none", "tracking=none"]
    words += ["training.batch_size=2", "training.sequence_length=8"]
    prepared = prepare_run(compose_jobs(words)[0])
    assert prepared.config.sampling.prompt == prompt
    if prompt is not None:
        assert prepared.text.corpus.vocabulary.decode(prepared.text.prompt_ids_t) == prompt
    resumed = prepare_run(prepared.config, is_resumed=True)
    assert resumed.text.prompt_ids_t.tolist() == prepared.text.prompt_ids_t.tolist()
    assert prepare_run(compose_jobs(words)[0], is_resumed=True).config.sampling.prompt is None, "an older run stays"


def test_a_line_is_begun_after_a_line_break_and_its_prompt_has_none(config: Config) -> None:
    of_lines = replace(config, dataset=replace(config.dataset, lines=True))
    assert read(of_lines) == "\n"
    assert read(change(of_lines, prompt="ab")) == "\nab"
    for prompt in ("a\nb", "\n"):
        assert fail(change(of_lines, prompt=prompt)) == (
            "sampling.prompt must be the beginning of one line when dataset.lines=true, got a line break."
        )
