"""`ui` on the command line."""

from pathlib import Path

import pytest

from charrnn_exp.cli import main


def test_open_is_true_or_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ui", "open=maybe"]) == 2
    assert "open must be true or false, got 'maybe'" in capsys.readouterr().err
    assert main(["ui", "open=false"]) == 2
    assert "no tracking store" in capsys.readouterr().err
