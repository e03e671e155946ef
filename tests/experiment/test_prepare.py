"""A run that cannot start leaves nothing."""

import json
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


def test_more_devices_than_there_are_make_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "training.devices=4"]) == 2
    assert (
        "training.devices must be at most 1 on this machine, which has /device:CPU:0, got 4." in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]


def test_a_run_that_goes_on_keeps_the_parts_of_its_checkpoint(tmp_path: Path) -> None:
    """Also where the settings have none, and the rule would take others on this machine."""
    found = []
    for words in ([*SMALL, "training.max_steps=2", "training.parts=4"], ["resume", "training.max_steps=4"]):
        assert main(words) == 0
        (newest, *_) = sorted(tmp_path.glob("outputs/*/*/*/checkpoints/step_*/manifest.json"), reverse=True)
        manifest = json.loads(newest.read_text())
        found.append((manifest["step"], manifest["machine"].get("parts")))
        config = newest.parents[2] / "config.yaml"
        config.write_text(config.read_text().replace("  parts: 4\n", "  parts: null\n"))
    assert found == [(2, "4"), (4, "4")]


def test_a_run_that_goes_on_lies_on_no_more_devices_than_its_checkpoint_has_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, "training.max_steps=2", "training.parts=2"]) == 0
    (config,) = tmp_path.glob("outputs/*/*/*/config.yaml")
    config.write_text(config.read_text().replace("  parts: 2\n", "  parts: null\n"))
    assert main(["resume", "training.max_steps=4", "training.devices=4"]) == 2
    expected = "training.devices must be at most 2, the parts of the run's checkpoint, got 4."
    assert expected in capsys.readouterr().err


def test_a_batch_without_equal_parts_is_computed_as_a_whole_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*SMALL, "training.max_steps=2", "training.parts=4"]) == 0
    (config,) = tmp_path.glob("outputs/*/*/*/config.yaml")
    config.write_text(config.read_text().replace("  parts: 4\n", "  parts: null\n"))
    capsys.readouterr()
    assert main(["resume", "training.batch_size=3", "training.max_steps=null", "training.epochs=2"]) == 0
    assert "a batch of 3 streams has no 4 equal parts" in " ".join(capsys.readouterr().err.split())
