"""A local store that was copied: nothing is written into the original any more."""

import hashlib
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.tracking.mlflow_run import RunDescription, open_run
from charrnn_exp.tracking.store import find_artifacts, mend_local_store, open_client

pytestmark = pytest.mark.slow

MAKE = """
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.tracking.mlflow_run import RunDescription, open_run
text = {"name": "x", "sha256": "ab"}
described = RunDescription(name="a run", params={"seed": 1}, tags={"run_key": "a"}, dataset=text)
run = open_run(compose_jobs([])[0].tracking, described, run_id=None, may_exist=False)
run.client.log_text(run.run_id, "first", "samples/one.txt")
at = run.client.get_run(run.run_id).info.artifact_uri
run.client.create_registered_model("a model")
run.client.create_model_version("a model", f"{at}/samples", run.run_id)
run.client.create_logged_model(run.experiment_id, name="logged", source_run_id=run.run_id)
print(run.run_id)
"""


def describe(key: str, began: float | None = None) -> RunDescription:
    return RunDescription(
        name="a run", params={"seed": 1}, tags={"run_key": key}, dataset={"name": "x", "sha256": "ab"}, began=began
    )


def hash_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A checkout with a blank in its name, whose store has a run with a file; and the run's id."""
    folder = tmp_path_factory.mktemp("the original")
    # In a process of its own: MLflow remembers where the artifacts of a run lie, as long as the process lives.
    # A server in the environment is not used with tracking=local: there is none at this address.
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    made = subprocess.run(
        [sys.executable, "-c", MAKE], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return folder, made.stdout.strip()


def tracking() -> Any:
    return compose_jobs([])[0].tracking


def test_a_copy_writes_into_itself_and_says_so_once(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original, run_id = made
    shutil.copytree(original, tmp_path / "copy")
    before = hash_files(original)
    monkeypatch.chdir(tmp_path / "copy")
    run = open_run(tracking(), describe("a"), run_id=run_id, may_exist=True)
    run.client.log_text(run_id, "second", "samples/two.txt")
    other = open_run(tracking(), describe("b"), run_id=None, may_exist=False)
    other.client.log_text(other.run_id, "third", "three.txt")

    assert hash_files(original) == before
    at = tmp_path / "copy/mlruns/artifacts"
    assert {path.read_text() for path in at.rglob("*.txt")} == {"first", "second", "third"}
    downloaded = run.client.download_artifacts(run_id, "samples/one.txt", str(tmp_path))
    assert Path(downloaded).read_text() == "first"
    assert mend_local_store() is None
    (said,) = caplog.messages
    assert said.startswith("mlruns/mlflow.db was moved or copied from ")


def test_repair_mends_the_paths_and_says_so(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(made[0], tmp_path / "copy")
    run_folder = tmp_path / "copy/outputs/charrnn/2026-01-01/00-00-00"
    shutil.copytree(Path(__file__).parents[1] / "data/runs_c230ba2/gru", run_folder)
    monkeypatch.chdir(tmp_path / "copy")
    assert main(["repair"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith(f"mlruns/mlflow.db was moved or copied from {made[0]}/mlruns: ")
    assert line.endswith(f" paths in it now lead to {tmp_path}/copy/mlruns/artifacts")
    client, experiment_id = open_client(tracking())
    run_artifacts = f"{find_artifacts()}/{made[1]}/artifacts"
    assert client.get_run(made[1]).info.artifact_uri == run_artifacts
    assert client.get_experiment(experiment_id).artifact_location == find_artifacts()
    (version,) = client.search_model_versions("name = 'a model'")
    assert version.source == f"{run_artifacts}/samples"
    assert client.get_model_version_download_uri("a model", version.version) == f"{run_artifacts}/samples"
    (logged,) = client.search_logged_models([experiment_id])
    assert logged.artifact_location.startswith(f"{find_artifacts()}/")
    dump = "".join(sqlite3.connect("mlruns/mlflow.db").iterdump())
    assert str(made[0]) not in urllib.parse.unquote(dump)


def test_a_link_to_the_checkout_is_the_same_place(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(made[0])
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    monkeypatch.chdir(tmp_path / "link")
    before = hash_files(made[0])
    assert mend_local_store() is None
    assert hash_files(made[0]) == before


def test_a_deleted_experiment_is_restored_with_a_word(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(made[0], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    client, experiment_id = open_client(tracking())
    client.delete_experiment(experiment_id)
    run = open_run(tracking(), describe("c"), run_id=None, may_exist=False)
    assert run.experiment_id == experiment_id
    assert client.get_run(made[1]).info.lifecycle_stage == "active"
    assert "the MLflow experiment 'charrnn' was deleted: it is restored, with its runs" in caplog.messages[-1]


def test_start_end_and_user_are_those_of_the_run(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made[0], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    run = open_run(tracking(), describe("d", began=1_700_000_000.25), run_id=None, may_exist=False)
    run.end("FINISHED", 1_700_000_060.5)
    found = run.client.get_run(run.run_id)
    assert (found.info.start_time, found.info.end_time) == (1_700_000_000_250, 1_700_000_060_500)
    assert found.data.tags["mlflow.user"] == pwd.getpwuid(os.getuid()).pw_name
