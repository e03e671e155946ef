"""The weights that a verb takes, and the note that says which."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.cli import main
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoint import Checkpoint, hash_manifest
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights

OLD = Path(__file__).parent.parent / "data" / "runs_c230ba2"
"""Small runs that were trained once."""


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "checkpoint step_0000000060 (lowest val_loss 2.4000 at step 50: checkpoint=best)"),
        (["checkpoint=best"], "checkpoint step_0000000050 (val_loss 2.5921, the lowest of the run)"),
    ],
)
def test_sample_and_evaluate_say_on_stderr_which_run_and_checkpoint_speaks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    verb: str,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(OLD / "text.txt", tmp_path)
    run = shutil.copytree(OLD / "gru", tmp_path / "outputs/gru/2026-01-02/03-04-05")
    newest = run / "checkpoints/step_0000000060/manifest.json"
    values = json.loads(newest.read_text()) | {"best_step": 50, "best_val_loss": 2.4}
    del values["sha256"]
    newest.write_text(json.dumps(values | {"sha256": hash_manifest(values)}))
    capfd.readouterr()
    assert main([verb, "run=latest", *words]) == 0
    captured = capfd.readouterr()
    assert f"charrnn_exp: note: run outputs/gru/2026-01-02/03-04-05, {said}\n" in captured.err
    assert "step_" not in captured.out


def test_reading_a_checkpoint_that_a_kill_left_hidden_changes_nothing(start: Any, tmp_path: Path) -> None:
    """As a kill leaves it between the hiding of the old one and the naming of the new."""
    run, folder, warnings = start(folder="run/checkpoints"), RunFolder(tmp_path / "run"), list[str]()
    with pytest.raises(MachineError, match="has no checkpoint"):
        read_trained_weights(folder, "last", facts={}, warn=warnings.append)
    run.checkpoints.save(run.state.snapshot(), kept=True)
    (checkpoint,) = run.checkpoints.find_all()
    checkpoint.folder.rename(hidden := checkpoint.folder.with_name(f".{checkpoint.folder.name}.replaced"))
    weights = read_trained_weights(folder, "last", facts={}, warn=warnings.append)
    assert len(weights) > 0
    assert warnings == []
    assert list(folder.checkpoints.iterdir()) == [hidden]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({"threads": "1", "parts": "2"}, (1, 2)),
        ({"threads": "4"}, (4, 1)),
        ({"threads": "1024", "parts": "1024"}, (1024, 1024)),
        ({}, None),
        (None, None),
        ("2", None),
        ({"parts": "2"}, None),
        ({"threads": 1, "parts": "2"}, None),
        ({"threads": "1", "parts": 2}, None),
        ({"threads": "1", "parts": "0"}, None),
        ({"threads": "-1", "parts": "2"}, None),
        ({"threads": "two"}, None),
        ({"threads": "1025"}, None),
        ({"threads": "9" * 99}, None),
    ],
)
def test_threads_and_parts_are_read_from_a_checkpoint_whatever_stands_there(
    tmp_path: Path, machine: Any, expected: tuple[int, int] | None
) -> None:
    folder = shutil.copytree(OLD / "gru/checkpoints/step_0000000060", tmp_path / "step_0000000060")
    values = json.loads((folder / "manifest.json").read_text()) | {"machine": machine}
    del values["sha256"]
    (folder / "manifest.json").write_text(json.dumps(values | {"sha256": hash_manifest(values)}))
    assert Checkpoint(folder).read_workers() == expected
