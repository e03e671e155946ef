"""Runs of a team mate by their MLflow id, on a real server: real processes in two folders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from stress.mlflow_server import MlflowServer, serve
from tests.forks import Program
from tests.slow.test_repair import TRACKED, find_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real tracking server on loopback."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def mate(program: Program, server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of another folder, tracked on the server."""
    folder = tmp_path_factory.mktemp("mate")
    words = [
        "training.max_steps=40",
        "tracking.log_every_steps=1",
        "training.validate_every_steps=10",
        "tracking.tags.team=a",
    ]
    program.run_well(folder, *TRACKED, *words, "tracking=server", f"tracking.uri={server.uri}")
    return find_run(folder)


def test_a_run_is_sampled_scored_and_gone_on_with_by_its_id(
    program: Program, server: MlflowServer, mate: RunFolder, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    run_id = mate.read_tracking()["run_id"]
    store = ["tracking=server", f"tracking.uri={server.uri}"]
    out, err = program.run_well(tmp_path, "sample", f"run={run_id}", *store)
    assert f"is downloaded from {server.uri}" in err
    assert out == program.run_well(mate.path.parents[3], "sample")[0]
    theirs = program.run_well(mate.path.parents[3], "evaluate", "checkpoint=best")[0]
    assert program.run_well(tmp_path, "evaluate", f"run={run_id}", "checkpoint=best")[0] == theirs

    out, err = program.run_well(tmp_path, "resume", f"run={run_id}", *store, "training.max_steps=50")
    assert f"run {run_id} goes on as a new MLflow run tagged resumed_from={run_id}" in out
    mine = find_run(tmp_path)
    client = MlflowClient(tracking_uri=server.uri)
    found = client.get_run(mine.read_tracking()["run_id"])
    assert found.info.run_id != run_id
    assert (found.info.status, found.data.tags["resumed_from"], found.data.tags["team"]) == ("FINISHED", run_id, "a")
    for name in ("train_loss", "val_loss"):
        history = client.get_metric_history(found.info.run_id, name)
        assert sorted((each.step, each.value) for each in history) == read_metrics(mine.metrics)[name]
    assert [step for step, _ in read_metrics(mine.metrics)["train_loss"]] == list(range(1, 51))
    assert client.get_run(run_id).data.metrics.keys() == found.data.metrics.keys()
    assert "resumed_from" not in client.get_run(run_id).data.tags


def test_a_model_that_one_registers_is_sampled_by_the_other_by_its_name(
    program: Program, server: MlflowServer, mate: RunFolder, tmp_path: Path
) -> None:
    """The mate's run names the server; mine gets it by words. The version can be given by its number too."""
    out, _ = program.run_well(mate.path.parents[3], "register", "as=team@champion")
    assert out.startswith("models:/team@champion is models:/team/1: run ")
    store = ["tracking=server", f"tracking.uri={server.uri}"]
    for name in ("models:/team@champion", "models:/team/1"):
        out, err = program.run_well(tmp_path, "sample", f"run={name}", *store)
        assert out == program.run_well(mate.path.parents[3], "sample", "checkpoint=best")[0]
        assert "is version 1 of team, of run" in err
    ended = program.run(tmp_path, "sample", "run=models:/team@other", *store)
    assert ended.returncode == 2
    assert f"run must be a model that is registered in {server.uri}, got 'models:/team@other'" in ended.stderr


def test_a_run_that_sent_no_checkpoints_says_the_setting(
    program: Program, server: MlflowServer, tmp_path: Path
) -> None:
    store = ["tracking=server", f"tracking.uri={server.uri}"]
    program.run_well(tmp_path, *TRACKED, "training.max_steps=2", *store, "tracking.log_checkpoints=none")
    run_id = find_run(tmp_path).read_tracking()["run_id"]
    (tmp_path / "elsewhere").mkdir()
    ended = program.run(tmp_path / "elsewhere", "sample", f"run={run_id}", *store)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "its tracking.log_checkpoints is none" in ended.stderr


def test_a_run_of_the_local_store_whose_folder_is_gone_is_read_from_the_store(program: Program, tmp_path: Path) -> None:
    program.run_well(tmp_path, *TRACKED, "training.max_steps=2")
    run_id = find_run(tmp_path).read_tracking()["run_id"]
    (tmp_path / "outputs").rename(tmp_path / "gone")
    out, err = program.run_well(tmp_path, "sample", f"run={run_id}")
    assert "mlflow.db" in err
    assert len(out) > 11
