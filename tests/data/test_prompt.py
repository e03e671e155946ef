"""What the model reads first comes from a setting, a file, or standard input, and fits the vocabulary."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import Config, SamplingConfig
from charrnn_exp.data.prompt import put_prompt, read_prompt, read_prompt_once
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError

SYMBOLS = Vocabulary(Unit.char, tuple(sorted(map(ord, "\n abc\uac00"))))


@pytest.fixture
def sampling(defaults: Config) -> SamplingConfig:
    return replace(defaults.sampling, prompt=None, prompt_file=None)


def read(sampling: SamplingConfig, vocabulary: Vocabulary = SYMBOLS) -> str:
    return vocabulary.decode(read_prompt(sampling, vocabulary))


def fail(sampling: SamplingConfig) -> str:
    with pytest.raises(UserError) as caught:
        read_prompt(sampling, SYMBOLS)
    (line,) = caught.value.lines
    return line


def write(sampling: SamplingConfig, path: Path, content: bytes) -> SamplingConfig:
    path.write_bytes(content)
    return replace(sampling, prompt_file=str(path))


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
    sampling: SamplingConfig, unit: Unit, symbols: list[int], first: int
) -> None:
    assert read_prompt(sampling, Vocabulary(unit, tuple(symbols))).tolist() == [first]


@pytest.mark.parametrize("prompt", ["a", "abc \n", " ", "\uac00\uac00"])
def test_a_prompt_is_read_as_it_is(sampling: SamplingConfig, prompt: str) -> None:
    assert read(replace(sampling, prompt=prompt)) == prompt


@pytest.mark.parametrize(
    ("content", "prompt"),
    [(b"abc", "abc"), (b"abc\n", "abc"), (b"abc\n\n", "abc\n"), (b" a", " a"), (b"\xea\xb0\x80\n", "\uac00")],
)
def test_a_file_is_read_without_the_line_break_that_editors_add(
    sampling: SamplingConfig, tmp_path: Path, content: bytes, prompt: str
) -> None:
    assert read(write(sampling, tmp_path / "prompt.txt", content)) == prompt


def test_a_files_path_starts_at_the_current_folder_or_at_home(
    sampling: SamplingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(sampling, tmp_path / "prompt.txt", b"abc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("prompt.txt", "~/prompt.txt"):
        assert read(replace(sampling, prompt_file=name)) == "abc"


@pytest.mark.parametrize("prompt", ["x", "ab\u00e9", "\t"])
def test_symbols_that_the_text_lacks_are_named_with_the_setting_they_came_from(
    sampling: SamplingConfig, tmp_path: Path, prompt: str
) -> None:
    named = f"U+{ord(prompt[-1]):04X}"
    line = fail(replace(sampling, prompt=prompt))
    assert line.startswith("sampling.prompt must hold only symbols of the training text, got ")
    assert named in line
    line = fail(write(sampling, tmp_path / "prompt.txt", prompt.encode("utf-8")))
    assert line.startswith("sampling.prompt_file must hold only symbols of the training text, got ")
    assert named in line


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_a_file_without_a_character_is_the_users_mistake(
    sampling: SamplingConfig, tmp_path: Path, content: bytes
) -> None:
    line = fail(write(sampling, tmp_path / "prompt.txt", content))
    assert line.startswith("sampling.prompt_file must hold at least one character, got nothing in ")
    assert "prompt.txt" in line


def test_a_file_that_is_not_utf_8_is_located(sampling: SamplingConfig, tmp_path: Path) -> None:
    line = fail(write(sampling, tmp_path / "prompt.txt", b"abc\xe9"))
    assert line.startswith("sampling.prompt_file must be UTF-8 text, got a bad byte at 3 in ")


@pytest.mark.parametrize(
    "name", ["none.txt", ".", "a" * 300, "prompt.txt/b", "a\0b", "~nobody-has-this-name/a"], ids=ascii
)
def test_a_file_that_cannot_be_read_is_named_with_its_absolute_path(
    sampling: SamplingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "prompt.txt").touch()
    monkeypatch.chdir(tmp_path)
    line = fail(replace(sampling, prompt_file=name))
    assert line.startswith("sampling.prompt_file must be a readable file, got ")
    if name in ("none.txt", "prompt.txt/b"):
        assert str(Path.cwd() / name) in line


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_file_without_an_end_is_the_users_mistake(sampling: SamplingConfig) -> None:
    assert "more than 10,000,000 bytes" in fail(replace(sampling, prompt_file="/dev/zero"))


@pytest.mark.parametrize("content", ["abc\n", "a\uac00"])
def test_the_text_of_standard_input_becomes_the_prompt_of_every_job_that_asks_for_it(
    sampling: SamplingConfig, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """As UTF-8, whatever the locale."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="ascii"))
    asking, other = replace(sampling, prompt_file="-"), replace(sampling, prompt="a")
    typed = read_prompt_once([other, asking, asking])
    for kept in (put_prompt(asking, typed), put_prompt(asking, typed)):
        assert (kept.prompt, kept.prompt_file) == (content.removesuffix("\n"), None)
        assert read(kept) == kept.prompt


def test_a_prompt_from_elsewhere_stays_as_it_is_and_leaves_standard_input_alone(
    sampling: SamplingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    for own in (replace(sampling, prompt="a"), replace(sampling, prompt_file="prompt.txt")):
        assert put_prompt(own, read_prompt_once([own])) == own


def test_a_closed_standard_input_is_the_users_mistake(
    sampling: SamplingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="standard input is closed"):
        read_prompt_once([replace(sampling, prompt_file="-")])
