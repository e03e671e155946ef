"""The tracker is fed with what the run folder has."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.feed import TrackerFeed
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.no_tracker import NoTracker
from charrnn_exp.training.loop import Saved
from tests.experiment.listeners.events import VALIDATED


class Notes(NoTracker):
    """A tracker whose store is a list."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.run_id, self.error = "a1", None

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        self.heard.append((step, dict(metrics)))

    def log_text(self, text: str, artifact_file: str) -> None:
        self.heard.append((artifact_file, text))

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        self.heard.append((artifact_file, dict(columns)))

    def log_files(self, files: Callable[[], AbstractContextManager[Mapping[Path, str]]]) -> None:
        with files() as found:
            self.heard.append([(path.name, place) for path, place in found.items()])

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        self.heard.append((status, {path.name for path in artifacts}))


@pytest.fixture
def job(compose: Any, tmp_path: Path) -> Job:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return Job.of(prepare_run(compose("sampling.temperature=0.75")), folder, name="a run", began=0.0)


def feed(job: Job, tracker: Notes) -> TrackerFeed:
    checkpoints = CheckpointStore(job.folder.checkpoints, facts={}, num_rolling=1)
    return TrackerFeed(tracker, job, checkpoints, Stopwatch(), 12)


def test_rows_of_earlier_sessions_are_sent_at_the_start_with_those_left_out_that_every_session_leaves_out(
    job: Job,
) -> None:
    rows = [
        {"step": step, "train_loss": step / 2, "learning_rate": 0.5} for step in range(1, 14)
    ]  # that of step 13 was lost
    rows.insert(3, {"step": 3, "val_loss": 2.5})
    job.folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tracker = Notes()
    fed = feed(job, tracker)
    fed.start()
    assert tracker.heard == [
        (1, {"train_loss": 0.5, "learning_rate": 0.5}),
        (3, {"val_loss": 2.5}),
        (10, {"train_loss": 5.0, "learning_rate": 0.5}),
    ]
    fed.send_row(13, {"train_loss": 6.5})
    fed.send_end("FINISHED")
    assert tracker.heard[3:-1] == [(13, {"train_loss": 6.5})], "the last update is sent, that of step 12 is not"


def test_samples_are_a_file_and_rows_with_the_last_validation_loss(job: Job) -> None:
    tracker, path = Notes(), job.folder.path / "step_3.txt"
    path.write_bytes(b"ab\xff")
    fed = feed(job, tracker)
    fed.hear(VALIDATED)
    fed.send_samples(3, path, ["ab", "c"])
    (text_file, text), (_, table) = tracker.heard
    fed.send_samples(2, path, ["a"])
    assert tracker.heard[-1][1]["val_loss"] == [None], "the loss of a later step is not that of the sample"
    assert (text_file, text) == ("samples/step_3.txt", "ab\ufffd")
    assert table == {
        "sample": ["step 3, text 1", "step 3, text 2"], "text": ["ab", "c"], "run": ["a run"] * 2, "step": [3] * 2,
        "val_loss": [2.0] * 2, "temperature": [0.75] * 2,
    }  # fmt: skip


@pytest.mark.parametrize("error", [None, "no answer"])
def test_the_end_sends_files_and_status_and_notes_whether_all_came(job: Job, error: str | None) -> None:
    job.folder.write_tracking({"run_id": "a1", "complete": False})
    tracker = Notes()
    tracker.error = error
    fed = feed(job, tracker)
    fed.send_end("KILLED")
    fed.note_end()
    ((status, names),) = tracker.heard
    assert status == "KILLED"
    assert {"summary.json", "metrics.jsonl", "run.log"} <= names
    assert job.folder.read_tracking() == {"run_id": "a1", "complete": error is None}


@pytest.mark.parametrize("which", ["best", "all", "none", "each"])
def test_each_checkpoint_is_sent_where_each_is_asked_for_its_manifest_last(
    compose: Any, tmp_path: Path, which: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    checkpoint = folder.checkpoints / "step_0000000003"
    checkpoint.mkdir(parents=True)
    for name in ("weights.npz", "training.npz", "manifest.json"):
        (checkpoint / name).write_text(name)
    folder.config.write_text("")
    prepared = prepare_run(compose(f"tracking.log_checkpoints={which}"))
    tracker = Notes()
    feed(Job.of(prepared, folder, name="a run", began=0.0), tracker).hear(Saved(step=3, kept=False, seconds=0.1))
    if which != "each":
        assert tracker.heard == []
        return
    (files,) = tracker.heard
    assert ("config.yaml", "") in files[:-3]
    place = "checkpoints/step_0000000003"
    assert files[-3:] == [("weights.npz", place), ("training.npz", place), ("manifest.json", place)]
    assert list(folder.path.glob(".*")) == []
