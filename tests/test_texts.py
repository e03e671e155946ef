"""Texts of any origin from end to end: trained on, resumed, scored and sampled by the command line."""

import io
import re
import sys
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.run_folder.finding import find_run
from tests.conftest import SMALL, slow_after

GERMAN = "Der K\u00e4se ist \u00e4lter, als M\u00fcller \u2013 so hei\u00dft er \u2013 glaubte.\r\n" * 30


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*words: str) -> None:
    assert main([*SMALL, "dataset=file", "training.max_steps=3", *words]) == 0


@pytest.mark.slow
def test_a_model_of_bytes_takes_and_writes_the_bytes_of_its_text(
    here: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (here / "text.txt").write_bytes(GERMAN.encode("cp1252"))
    train("dataset.path=text.txt", "dataset.unit=byte", "dataset.encoding=cp1252")
    capfdbinary.readouterr()
    assert main(["sample", 'sampling.prompt="K\u00e4se"', "sampling.length=300"]) == 0
    written = capfdbinary.readouterr().out
    assert written.startswith(b"K\xe4se")
    assert len(written) == 4 + 300 + len(b"\n")
    assert set(written) <= set(GERMAN.encode("cp1252"))
    assert main(["sample", 'sampling.prompt="K\u00e4\u4e00se"', "sampling.length=5", "unknown=skip"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"K\xe4se")


@pytest.mark.slow
def test_unknown_symbols_are_refused_or_skipped_and_counted(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "text.txt").write_text("the quick brown fox\n" * 30)
    (here / "other.txt").write_text("THE quick fox!\n" * 3)
    train("dataset.path=text.txt")
    capfd.readouterr()
    for words, skipped in ((["evaluate", "text=other.txt"], 12), (["sample", "sampling.prompt=THE quick"], 3)):
        assert main(words) == 2
        assert "must hold only symbols of the training text, got U+0021" in (error := capfd.readouterr().err) or (
            "U+0045" in error
        )
        assert main([*words, "unknown=skip"]) == 0
        assert f": {skipped} symbols that the training text lacks were skipped." in capfd.readouterr().err
        assert main([*words, "unknown=drop"]) == 2
        assert capfd.readouterr().err == ("charrnn_exp: error: unknown must be one of refuse, skip, got 'drop'.\n")


@pytest.mark.slow
def test_texts_in_files_of_their_own_are_trained_on_scored_and_resumed(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (here / "books").mkdir()
    for name in ("a.txt", "b.txt"):
        (here / "books" / name).write_text(f"the quick brown fox {name}\r\n" * 30)
    (here / "val.txt").write_text("a quick fox\n" * 9)
    train("dataset.path=books", "dataset.split=files", "dataset.val_path=val.txt", "dataset.newlines=lf")
    assert find_run("latest").read_summary().status == "FINISHED"
    capfd.readouterr()
    assert main(["evaluate", "split=val"]) == 0
    head, *_, row = capfd.readouterr().out.splitlines()
    assert re.split(r"  +", row)[re.split(r"  +", head).index("characters")] == str(9 * 12 - 1)
    assert main(["resume", "training.max_steps=5"]) == 0
    capfd.readouterr()
    (here / "books" / "c.txt").write_text("more\n")
    assert main(["resume", "training.max_steps=7"]) == 2
    assert "must be of the same dataset" in capfd.readouterr().err


@pytest.mark.parametrize(
    "encoding",
    slow_after(0, ["cp1252", "latin-1", "ascii"]),
)
def test_an_output_that_lacks_the_texts_symbols_fails_no_verb(
    here: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """As `> FILE` where the locale is of one byte a character; streams of Python raise an error by themselves."""
    name, symbols = "\u5468\u6770\u4f26 caf\u00e9.txt", "\u5468\u6770\u4f26\u20ac\u2013\u0416\u200b\n"
    (here / name).write_text(symbols * 60)
    outputs = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", outputs[0])
    monkeypatch.setattr(sys, "stderr", outputs[1])
    train(f"dataset.path={name}", "sampling.length=50", "sampling.temperature=9")
    assert main(["sample", "sampling.prompt=\u5468\u6770", "sampling.length=50", "sampling.temperature=9"]) == 0
    assert main(["evaluate"]) == 0
    assert main(["list"]) == 0
    assert main(["sample", "sampling.prompt=\u4e00"]) == 2
    said, errors = (output.buffer.getvalue().decode(encoding) for output in outputs)
    assert "\\u6770" in said
    assert "sampling.prompt must hold only symbols" in errors
    assert "\\u4e00" in errors or "U+4E00" in errors
