"""Outages and kills of real runs, mended by `repair`: real processes, real servers."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.run_folder.finding import find_run_folders
from charrnn_exp.run_folder.folder import RunFolder
from stress.mlflow_rows import find_mlflow_problems
from stress.mlflow_server import find_free_port, serve
from tests.conftest import SMALL
from tests.forks import Program

pytestmark = pytest.mark.slow

TRACKED = [word for word in SMALL if not word.startswith("tracking")] + ["optimizer.schedule=constant"]


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "charrnn_exp", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def find_run(folder: Path) -> RunFolder:
    (path,) = find_run_folders(folder / "outputs")
    return RunFolder(path)


def check_mlflow_has_all(uri: str, folder: RunFolder, status: str) -> None:
    """One run, its status, every row that it should have once and nothing else, the summary among its files."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("charrnn")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_id == folder.read_summary().run_id
    assert not find_mlflow_problems(uri, folder, status)
    assert "summary.json" in {file.path for file in client.list_artifacts(found.info.run_id)}


def test_what_an_absent_server_missed_is_sent_when_it_is_there(program: Program, tmp_path: Path) -> None:
    port = find_free_port()
    uri = f"http://127.0.0.1:{port}"
    _, err = program.run_well(tmp_path, *TRACKED, "tracking=server", f"tracking.uri={uri}")
    (line,) = err.splitlines()
    assert line.startswith("charrnn_exp: warning: tracking failed and is tried again;")
    assert "`python -m charrnn_exp repair` sends it" in line
    folder = find_run(tmp_path)
    assert folder.read_summary().status == "FINISHED"
    with serve(tmp_path / "server", port):
        out, err = program.run_well(tmp_path, "repair")
        assert "metric values and the files to MLflow run" in out
        assert err == ""
        check_mlflow_has_all(uri, folder, "FINISHED")
        assert program.run_well(tmp_path, "repair") == ("1 of 1 runs needed nothing\n", "")
        check_mlflow_has_all(uri, folder, "FINISHED")


def test_a_sweep_tells_what_mlflow_lacks_and_sends_it_when_it_is_there(program: Program, tmp_path: Path) -> None:
    port = find_free_port()
    uri = f"http://127.0.0.1:{port}"
    sweep = ["-m", *TRACKED, "tracking=server", f"tracking.uri={uri}", "seed=1,2"]
    out, err = program.run_well(tmp_path, *sweep)
    told, page = err.splitlines()
    assert told.startswith("charrnn_exp: warning: MLflow lacks data of 2 of 2 runs, first outputs/charrnn/")
    assert "`python -m charrnn_exp repair` sends it: " in told
    assert page.startswith("charrnn_exp: warning: the sweep's page is not in MLflow: ")
    assert "2 of 2 jobs are done" in out
    with serve(tmp_path / "server", port):
        out, err = program.run_well(tmp_path, *sweep)
        assert err == ""
        assert (
            out.index("its page:") < out.index("MLflow has got what it lacked of 2 of 2 runs") < out.index("see it at:")
        )
        paths = list(find_run_folders(tmp_path / "outputs"))
        assert len(paths) == 2
        for path in paths:
            assert find_mlflow_problems(uri, RunFolder(path)) == []
        assert "MLflow has got" not in program.run_well(tmp_path, *sweep)[0]


def test_a_killed_run_is_marked_and_goes_on_as_the_same_mlflow_run(program: Program, tmp_path: Path) -> None:
    words = [*TRACKED, "training.epochs=400", "training.checkpoint_every_epochs=400"]
    process = start(tmp_path, *words)
    deadline = time.monotonic() + 120
    while (
        not any(list(path.glob("checkpoints/step_*")) for path in find_run_folders(tmp_path))
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    time.sleep(3.0)  # in which the tracker sends some
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = find_run(tmp_path)
    assert folder.read_summary().status == "RUNNING"
    out, _ = program.run_well(tmp_path, "repair")
    assert "died, now KILLED; go on with: python -m charrnn_exp resume run=outputs/" in out
    uri = f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    check_mlflow_has_all(uri, folder, "KILLED")
    newest = sorted(folder.checkpoints.glob("step_*"))[-1]
    program.run_well(tmp_path, "resume", f"training.max_steps={int(newest.name.removeprefix('step_')) + 1_000}")
    check_mlflow_has_all(uri, folder, "FINISHED")


@pytest.mark.parametrize("words", [["repair", "run=outputs"], ["repair", "seed=3"]])
def test_repair_refuses_what_it_does_not_know(tmp_path: Path, words: list[str], capsys: Any) -> None:
    from charrnn_exp.cli import main

    assert main(words) == 2
