"""The tracker's feed sends rows, samples and files to MLflow after the run folder has them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from charrnn_exp.config.choices import LogCheckpoints
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.metrics import read_rows
from charrnn_exp.tracking.artifacts import copied_newest, list_artifacts
from charrnn_exp.tracking.no_tracker import Tracker
from charrnn_exp.tracking.rows import RowPicker
from charrnn_exp.tracking.tables import TABLE, build_table, find_val_loss
from charrnn_exp.training.loop import Saved, Validated


class TrackerFeed(Listener):
    """Sends the tracker the rows, samples and files that other listeners have written.

    Args:
        tracker: of the run.
        job: names the run in the table of samples; tracking.log_every_steps chooses among the rows.
        checkpoints: tracking.log_checkpoints chooses among them at the end.
        watch: for the seconds.
        step: that the session goes on from.
    """

    def __init__(self, tracker: Tracker, job: Job, checkpoints: CheckpointStore, watch: Stopwatch, step: int) -> None:
        self._tracker, self._job, self._checkpoints, self._watch = tracker, job, checkpoints, watch
        self._step, self._picker = step, RowPicker(job.config.tracking.log_every_steps)
        self._val_losses: list[tuple[int, float]] = []

    def start(self) -> None:
        """Send the rows of earlier sessions; MLflow gets none twice."""
        for step, metrics in read_rows(self._job.folder.metrics):
            if step <= self._step:
                if "val_loss" in metrics:
                    self._val_losses.append((step, metrics["val_loss"]))
                self.send_row(step, metrics)

    def hear(self, event: RunEvent) -> None:
        """Keep the validation losses for the table of samples; send a new checkpoint where each is sent."""
        match event:
            case Validated():
                self._val_losses.append((event.step, event.loss))
            case Saved() if self._job.config.tracking.log_checkpoints is LogCheckpoints.each:
                with self._watch.time("tracking"):
                    self._tracker.log_files(partial(copied_newest, self._job.folder, self._checkpoints))

    def send_row(self, step: int, metrics: Mapping[str, float]) -> None:
        """Send a row of metrics; some wait for the end, and most updates are left out."""
        with self._watch.time("tracking"):
            for row in self._picker.take(step, metrics):
                self._tracker.log_metrics(*row)

    def send_samples(self, step: int, path: Path, texts: Sequence[str]) -> None:
        """Send a file of samples, and its texts as rows of the table."""
        table = build_table(
            texts,
            run=self._job.name,
            step=step,
            val_loss=find_val_loss(self._val_losses, step),
            temperature=self._job.config.sampling.temperature,
        )
        with self._watch.time("tracking"):
            self._tracker.log_text(path.read_bytes().decode("utf-8", errors="replace"), f"samples/{path.name}")
            self._tracker.log_table(table, TABLE)

    def send_end(self, status: str) -> None:
        """Send the last rows, files and status, and wait for MLflow; called when all other listeners are closed."""
        with self._watch.time("tracking"):
            for row in self._picker.finish():
                self._tracker.log_metrics(*row)
            which = self._job.config.tracking.log_checkpoints
            artifacts = list_artifacts(self._job.folder, self._checkpoints, which)
            self._tracker.finish(status, artifacts=artifacts)

    def note_end(self) -> None:
        """Record in the run folder whether MLflow has all data."""
        folder, tracker = self._job.folder, self._tracker
        if tracker.run_id is not None:
            folder.write_tracking({**folder.read_tracking(), "complete": tracker.error is None})
