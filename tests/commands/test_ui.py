"""The verb `ui`: its port is free or it ends; the pages it prints are those of the store's experiments."""

import socket
from pathlib import Path

import pytest

from charrnn_exp.cli import main


def write_store(folder: Path) -> None:
    (folder / "mlruns").mkdir()
    (folder / "mlruns/mlflow.db").touch()


@pytest.mark.parametrize("listens", [True, False])
def test_a_port_that_is_taken_ends_with_3_and_starts_nothing(
    listens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_store(tmp_path)
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listens:
            taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", f"port={port}", "open=false"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"charrnn_exp: error: port {port} of 127.0.0.1 is taken")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("typed", ["0", "65536", "x", "-1", "5000.0"])
def test_a_port_that_is_none_is_a_mistake_of_the_user(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_store(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["ui", f"port={typed}"]) == 2
    assert f"port must be in [1, 65535], got '{typed}'." in capsys.readouterr().err


def test_a_store_that_is_none_ends_with_3_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_store(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["ui", "open=false"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("charrnn_exp: error: the tracking store mlruns/mlflow.db cannot be read (")


def test_open_is_true_or_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ui", "open=maybe"]) == 2
    assert "open must be true or false, got 'maybe'" in capsys.readouterr().err
    assert main(["ui", "open=false"]) == 2
    assert "no tracking store" in capsys.readouterr().err
