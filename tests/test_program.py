"""Hints repeat the words by which this program was called."""

import sys
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.program import name_program


@pytest.mark.parametrize(
    ("called", "named"),
    [
        ("/opt/bin/charrnn-exp", "charrnn-exp"),
        ("C:/Scripts/charrnn-exp.exe", "charrnn-exp"),
        ("/src/charrnn_exp/__main__.py", "python -m charrnn_exp"),
        ("-c", "python -m charrnn_exp"),
        ("/usr/bin/pytest", "python -m charrnn_exp"),
    ],
)
def test_the_program_is_named_as_it_was_called(
    called: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [called, "repair"])
    assert name_program() == named
    for words in (["--help"], ["sample", "-h"]):
        assert main(words) == 0
        assert f"{named} " in capsys.readouterr().out
    assert main(["sample", "run=latest"]) == 2
    assert f"`{named}` makes the first." in capsys.readouterr().err


def test_a_call_without_arguments_of_its_own_is_named_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    assert name_program() == "python -m charrnn_exp"
