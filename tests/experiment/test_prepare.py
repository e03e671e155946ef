"""A run that cannot start leaves nothing."""

from pathlib import Path

import pytest

from charrnn_exp.cli import main
from stress.mlflow_server import HOST, answer_all, find_free_port
from tests.conftest import SMALL


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_new_run_without_memory_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "model.hidden_size=16000", "model.num_layers=8"]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("charrnn_exp: error: out of memory")
    assert captured.out.startswith("reading ")
    assert captured.out.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_new_run_whose_server_refuses_access_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answer_all(403, port := find_free_port()):
        assert main([*SMALL[1:], "tracking=server", f"tracking.uri=http://{HOST}:{port}"]) == 3
    assert "refused access (403 Forbidden)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
