"""The tracker against a real MLflow server, and against one that is not there."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from charrnn_exp.tracking.mlflow_run import RunDescription
from charrnn_exp.tracking.no_tracker import NoTracker
from charrnn_exp.tracking.tables import TABLE, build_table
from charrnn_exp.tracking.tracker import MlflowTracker, start_tracker
from stress.mlflow_server import MlflowServer, accept_only, answer_all, find_free_port, serve
from tests.conftest import compose_once


def describe(key: str = "a") -> RunDescription:
    return RunDescription(
        name="a run",
        params={"model.hidden_size": 5, "long": "x" * 9000} | {f"tracking.tags.{i}": i for i in range(130)},
        tags={"team": "b", "run_key": key},
        dataset={"name": "stdlib", "sha256": "ab" * 32, "num_bytes": 3},
    )


def start_on(server: MlflowServer) -> MlflowTracker:
    """Return a tracker with one metric, whose run the server has."""
    tracker = MlflowTracker(compose_once("tracking=server", f"tracking.uri={server.uri}").tracking, describe())
    tracker.log_metrics(1, {"train_loss": 1.0})
    deadline = time.monotonic() + 60
    while tracker.run_id is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return tracker


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real tracking server on loopback."""
    with serve(tmp_path_factory.mktemp("server")) as running:
        yield running.uri


@pytest.mark.slow
def test_a_server_gets_everything_and_a_resumed_run_doubles_no_step(server: str, tmp_path: Path) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    first = MlflowTracker(tracking, describe())
    for step in range(1, 6):
        first.log_metrics(step, {"train_loss": float(step)})
    first.log_text("some text", "samples/step_5.txt")
    first.log_table({"run": ["a run"], "step": [5]}, "samples.json")
    (tmp_path / "summary.json").write_text("{}")
    first.finish("KILLED", artifacts={tmp_path / "summary.json": ""})
    assert first.error is None
    second = MlflowTracker(tracking, describe(), run_id=first.run_id, is_resumed=True)
    for step in range(4, 9):
        second.log_metrics(step, {"train_loss": float(step), "val_loss": 1.0})
    second.finish("FINISHED", artifacts={})
    assert second.error is None

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    run = client.get_run(first.run_id)
    assert (run.info.run_name, run.info.status) == ("a run", "FINISHED")
    assert run.data.params["model.hidden_size"] == "5"
    assert run.data.tags["team"] == "b"
    history = client.get_metric_history(first.run_id, "train_loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, float(step)) for step in range(1, 9)]
    assert [metric.step for metric in client.get_metric_history(first.run_id, "val_loss")] == [4, 5, 6, 7, 8]
    assert {file.path for file in client.list_artifacts(first.run_id)} == {"samples", "samples.json", "summary.json"}


@pytest.mark.slow
def test_steps_that_a_changed_run_makes_anew_are_sent_again(server: str) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    first = MlflowTracker(tracking, describe("changed"))
    for step in range(1, 6):
        first.log_metrics(step, {"train_loss": float(step)})
    first.finish("KILLED", artifacts={})
    second = MlflowTracker(tracking, describe("changed"), run_id=first.run_id, is_resumed=True, renewed_after=3)
    for step in range(1, 7):
        second.log_metrics(step, {"train_loss": step + 10.0})
    second.finish("FINISHED", artifacts={})

    from mlflow import MlflowClient

    history = MlflowClient(tracking_uri=server).get_metric_history(first.run_id, "train_loss")
    assert {(metric.step, metric.value) for metric in history} == {
        *((step, float(step)) for step in range(1, 6)),
        *((step, step + 10.0) for step in range(4, 7)),
    }


@pytest.mark.slow
def test_a_run_that_an_older_program_began_keeps_its_names(server: str) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    first = MlflowTracker(tracking, describe("older"))
    first.finish("KILLED", artifacts={})
    for name in ("train_loss", "gradient_norm"):
        client.log_metric(first.run_id, name, 1.0, step=1)
    second = MlflowTracker(tracking, describe("older"), run_id=first.run_id, is_resumed=True)
    for step in (1, 2):
        second.log_metrics(step, {"train_loss": 1.0, "gradient_norm": 1.0})
    second.log_metrics(2, {"test_loss": 1.0})
    second.finish("FINISHED", artifacts={})
    found = {
        name: [metric.step for metric in client.get_metric_history(first.run_id, name)]
        for name in client.get_run(first.run_id).data.metrics
    }
    assert found == {"train_loss": [1, 2], "gradient_norm": [1, 2], "test_loss": [2]}


@pytest.mark.slow
def test_the_scores_of_a_run_that_went_on_replace_those_before_and_none_is_sent_twice(server: str) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    first = MlflowTracker(tracking, describe("longer"))
    first.log_metrics(5, {"test_loss": 2.0, "test_accuracy": 0.25})
    first.finish("FINISHED", artifacts={})
    second = MlflowTracker(tracking, describe("longer"), run_id=first.run_id, is_resumed=True)
    second.log_metrics(5, {"test_loss": 2.0, "test_accuracy": 0.25})
    second.log_metrics(9, {"test_loss": 3.0, "test_accuracy": 0.5})
    second.finish("FINISHED", artifacts={})

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    assert client.get_run(first.run_id).data.metrics == {
        "test_loss": 3.0, "scores/test_loss": 3.0, "scores/test_accuracy": 0.5
    }  # fmt: skip
    for name, values in (("test_loss", [2.0, 3.0]), ("scores/test_accuracy", [0.25, 0.5])):
        history = client.get_metric_history(first.run_id, name)
        assert sorted((metric.step, metric.value) for metric in history) == [(0, value) for value in values]


@pytest.mark.slow
def test_a_run_whose_id_was_lost_is_found_by_its_key_and_not_made_twice(server: str) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    first = MlflowTracker(tracking, describe("b"))
    first.log_metrics(1, {"train_loss": 1.0})
    first.finish("KILLED", artifacts={})
    ids: list[str] = []
    second = MlflowTracker(tracking, describe("b"), is_resumed=True, remember=lambda *found: ids.append(found[0]))
    for step in (1, 2):
        second.log_metrics(step, {"train_loss": float(step)})
    second.finish("FINISHED", artifacts={})
    assert ids == [first.run_id] == [second.run_id]
    assert second.error is None

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    assert [m.step for m in client.get_metric_history(first.run_id, "train_loss")] == [1, 2]


@pytest.mark.slow
def test_rows_added_to_a_table_leave_those_before_as_they_were(server: str, tmp_path: Path) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    tracker = MlflowTracker(tracking, describe("e"))
    for step, text in enumerate(("007", "2026-11-26", "1e400", "\n")):
        tracker.log_table({"run": ["12"], "step": [step], "val_loss": [None], "text": [text]}, TABLE)
    # The columns above are of an older program.
    tracker.log_table(build_table(["a"], run="12", step=4, val_loss=2.0, temperature=0.5), TABLE)
    tracker.finish("FINISHED", artifacts={})
    assert tracker.error is None

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    table = json.loads(Path(client.download_artifacts(tracker.run_id, "samples.json", str(tmp_path))).read_text())
    assert table["columns"] == ["run", "step", "val_loss", "text"]
    assert table["data"] == [["12", 0, None, "007"], ["12", 1, None, "2026-11-26"], ["12", 2, None, "1e400"],
                             ["12", 3, None, "\n"], ["12", 4, 2.0, "a"]]  # fmt: skip
    assert "samples.json" in client.get_run(tracker.run_id).data.tags["mlflow.loggedArtifacts"]


@pytest.mark.slow
def test_an_id_of_another_store_is_not_insisted_on(server: str) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    tracker = MlflowTracker(tracking, describe("c"), run_id="0" * 32, is_resumed=True)
    tracker.finish("FINISHED", artifacts={})
    assert tracker.error is None
    assert tracker.run_id != "0" * 32


@pytest.mark.slow
def test_a_file_that_cannot_be_sent_holds_up_neither_metrics_nor_files_nor_status(server: str, tmp_path: Path) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri={server}").tracking
    tracker = MlflowTracker(tracking, describe("d"))
    tracker.log_table({"run": ["a"]}, "a table is json or parquet.txt")
    tracker.log_metrics(1, {"train_loss": 1.0})
    (tmp_path / "summary.json").write_text("{}")
    tracker.finish("FINISHED", artifacts={tmp_path / "summary.json": ""})
    assert tracker.error is not None

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    assert [file.path for file in client.list_artifacts(tracker.run_id)] == ["summary.json"]
    run = client.get_run(tracker.run_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"train_loss": 1.0, "loss/train_loss": 1.0})


@pytest.mark.slow
def test_system_metrics_are_logged_on_request(server: str) -> None:
    words = ["tracking=server", f"tracking.uri={server}", "tracking.system_metrics=true"]
    tracker = MlflowTracker(compose_once(*words).tracking, describe())
    tracker.log_metrics(1, {"train_loss": 1.0})
    time.sleep(12)
    tracker.finish("FINISHED", artifacts={})
    assert tracker.error is None

    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=server).get_run(tracker.run_id).data.metrics
    assert "system/cpu_utilization_percentage" in found


def test_a_server_that_is_not_there_costs_a_warning_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    tracking = compose_once("tracking=server", f"tracking.uri=http://127.0.0.1:{find_free_port()}").tracking
    began = time.monotonic()
    tracker = start_tracker(tracking, describe())
    tracker.log_metrics(1, {"train_loss": 1.0})
    told = time.monotonic() - began
    tracker.finish("FINISHED", artifacts={})
    assert told < 1.0  # the thread that asks may have the core
    assert time.monotonic() - began < 30
    assert [record.levelname for record in caplog.records if record.name.startswith("charrnn_exp")] == ["WARNING"]


@pytest.mark.slow
def test_a_server_that_hangs_is_not_waited_for_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    port = find_free_port()
    words = ["tracking=server", f"tracking.uri=http://127.0.0.1:{port}"]
    with accept_only(port):
        tracker = start_tracker(compose_once(*words).tracking, describe())
        tracker.log_metrics(1, {"train_loss": 1.0})
        deadline = time.monotonic() + 60
        while tracker.error is None and time.monotonic() < deadline:
            time.sleep(0.1)
        began = time.monotonic()
        tracker.finish("FINISHED", artifacts={})
        assert time.monotonic() - began < 2.0
        assert tracker.error is not None
    assert [record.levelname for record in caplog.records if record.name.startswith("charrnn_exp")] == ["WARNING"]


@pytest.mark.slow
def test_a_server_that_failed_is_asked_again_with_one_metric(tmp_path: Path) -> None:
    # A batch for a server that is not there held up the end of the run by a quarter of a second.
    port = find_free_port()
    with serve(tmp_path / "server", port) as running:
        tracker = start_on(running)
        running.signal(signal.SIGKILL)
        with answer_all(500, port) as bodies:
            for step in range(2, 500):
                tracker.log_metrics(step, {"train_loss": 1.0})
            deadline = time.monotonic() + 60
            while tracker.error is None and time.monotonic() < deadline:
                time.sleep(0.1)
            tracker.finish("FINISHED", artifacts={})
            time.sleep(1.0)  # the run does not wait for its thread
        assert tracker.error is not None
        assert [body.count(b"loss/train_loss") for body in bodies][-1] == 1


@pytest.mark.slow
def test_a_server_that_hangs_at_the_very_end_is_waited_for_a_few_seconds(tmp_path: Path) -> None:
    running = MlflowServer(tmp_path / "server", find_free_port())
    running.start()
    try:
        tracker = start_on(running)
        time.sleep(1.0)  # in which the metrics are sent
        running.signal(signal.SIGSTOP)
        tracker.log_metrics(2, {"train_loss": 1.0})
        began = time.monotonic()
        tracker.finish("FINISHED", artifacts={})
        assert time.monotonic() - began < 8.0
        assert tracker.error is not None
    finally:
        running.close()


@pytest.mark.slow
def test_a_locked_database_costs_a_warning_and_no_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlruns").mkdir()
    holder = sqlite3.connect(tmp_path / "mlruns/mlflow.db", isolation_level=None)
    holder.execute("create table anything (x)")
    holder.execute("begin exclusive")
    began = time.monotonic()
    tracker = MlflowTracker(compose_once("tracking=local").tracking, describe())
    tracker.finish("FINISHED", artifacts={})
    assert time.monotonic() - began < 15.0
    assert "locked" in str(tracker.error)
    assert [record.levelname for record in caplog.records if record.name.startswith("charrnn_exp")] == ["WARNING"]


@pytest.mark.slow
def test_a_store_that_answers_with_an_error_is_asked_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "mlruns/mlflow.db"
    database.parent.mkdir()
    database.write_bytes(b"no database " * 100)
    tracker = MlflowTracker(compose_once("tracking=local").tracking, describe())
    tracker.log_metrics(1, {"train_loss": 1.0})
    deadline = time.monotonic() + 60
    while tracker.error is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "not a database" in str(tracker.error)
    database.unlink()
    tracker.finish("FINISHED", artifacts={})  # it makes the tables, which takes seconds
    assert tracker.error is None
    assert tracker.run_id is not None


def test_tracking_none_is_a_tracker_that_does_nothing() -> None:
    assert isinstance(start_tracker(compose_once("tracking=none").tracking, describe()), NoTracker)
