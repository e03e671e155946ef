"""The settings of a resumed run, and what a kill left of the run before."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.experiment.job import Job, Resumption
from charrnn_exp.experiment.listeners.settings import Settings
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.run_folder.changes import Change
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.training.loop import Saving
from tests.experiment.listeners.events import STEPS


@pytest.mark.parametrize(
    ("end", "is_written"), [("Saving", True), ("finish", True), ("KILLED", True), ("FAILED", False)]
)
def test_a_resumed_run_is_as_it_was_until_its_first_own_checkpoint_is_due(
    compose: Any, start: Any, tmp_path: Path, end: str, is_written: bool
) -> None:
    run, folder = start(folder="run/checkpoints"), RunFolder(tmp_path / "run")
    prepared = prepare_run(compose())
    folder.path.mkdir()
    folder.create(prepared.config, prepared.text.corpus.vocabulary)
    run.checkpoints.save(run.state.snapshot(), kept=True)
    (checkpoint,) = run.checkpoints.find_all()
    checkpoint.folder.rename(checkpoint.folder.with_name(f".{checkpoint.folder.name}.replaced"))
    before = sorted(folder.path.rglob("*"))
    job = Job.of(prepared, folder, name="a run", began=0.0, is_resumed=True)
    changes = [Change(3, "model.dropout", 0.1, 0.0)]
    job = Job(**{**vars(job), "resumption": Resumption(step=3, changes=changes, new=changes)})
    settings = Settings(job, run.checkpoints, step=3, parameters="a table\n")
    settings.start()
    settings.hear(STEPS[0])
    assert sorted(folder.path.rglob("*")) == before
    match end:
        case "Saving":
            settings.hear(Saving())
        case "finish":
            settings.finish()
        case status:
            settings.close(status)
    if not is_written:
        assert sorted(folder.path.rglob("*")) == before
        return
    assert checkpoint.folder.exists()
    assert folder.parameters.read_text() == "a table\n"
    assert folder.changes.exists()
