"""Validation losses of two scoring rules are not compared."""

from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.cli import main
from charrnn_exp.run_folder import versions
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from tests.conftest import SMALL

TEXT = "the quick brown fox jumps over the lazy dog.\n" * 40


@pytest.mark.slow
@pytest.mark.parametrize(("split", "is_forgotten"), [("charrnn", True), ("nanogpt", False)])
def test_a_run_of_an_older_rule_finds_its_best_loss_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], split: str, is_forgotten: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    words = [f"dataset.split={split}", *(["dataset.split_streams=9"] if split == "charrnn" else [])]
    words += ["dataset=file", "dataset.path=text.txt", "training.max_steps=2", "training.validate_every_steps=1"]
    with monkeypatch.context() as older:
        older.setattr(versions, "NUMERICS", 1)
        folder = run(compose(*SMALL, *words)).folder
    store = CheckpointStore(folder / "checkpoints", facts={}, num_rolling=1)
    capsys.readouterr()
    assert main(["resume", "training.max_steps=3"]) == 0
    assert ("scored the parts of the validation text as one" in capsys.readouterr().err) == is_forgotten
    summary = RunFolder(folder).read_summary()
    assert summary.step == 3
    assert (summary.best_step == 3 and store.best_step() == 3) or not is_forgotten
