"""A repair that is refused leaves the run as it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.experiment.repair import repair_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from stress.mlflow_server import HOST, answer_all, find_free_port


def test_a_dead_run_whose_server_refuses_access_is_not_marked(compose: Any, tmp_path: Path) -> None:
    folder, port = RunFolder(tmp_path / "run"), find_free_port()
    folder.path.mkdir()
    folder.write_summary(Summary(status="RUNNING", step=3))
    folder.write_tracking({"run_id": None, "name": "x", "complete": False})
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    tracking = compose("tracking=server", f"tracking.uri=http://{HOST}:{port}").tracking
    with answer_all(401, port), pytest.raises(MachineError, match="refused access"):
        repair_run(folder, lambda: tracking)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != ".lock"} == before
    untracked = replace(tracking, backend=compose().tracking.backend)
    assert "died" in repair_run(folder, lambda: untracked)[0]
    assert folder.read_summary().status == "KILLED"


def test_a_run_that_ends_while_it_is_looked_at_stays_finished(
    compose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_summary(Summary(status="RUNNING", step=3))
    take = RunFolder.lock

    def end_and_take(self: RunFolder) -> Any:
        self.write_summary(Summary(status="FINISHED", step=4))
        return take(self)

    monkeypatch.setattr(RunFolder, "lock", end_and_take)
    assert repair_run(folder, lambda: compose("tracking=none").tracking) == []
    assert folder.read_summary().status == "FINISHED"
