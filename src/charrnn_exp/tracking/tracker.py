"""The door to MLflow: a thread of its own makes every call, so that tracking never holds training up or stops it.

What a run must not lose stands in its folder already; this only follows.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from charrnn_exp.config.schema import Backend, TrackingConfig
from charrnn_exp.errors import one_line
from charrnn_exp.tracking.store import find_uri, open_client

SEND_EVERY_SECONDS = 1.0
MAX_METRICS_PER_CALL = 1000
MAX_PARAM_LENGTH = 6000
STATUSES = ("FINISHED", "FAILED", "KILLED")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunDescription:
    """What MLflow is told about a run at its start.

    Args:
        name: of the run.
        params: flattened settings.
        tags: versions, git commit, the run folder's label.
        dataset: name and fingerprint of the text.
        run_id: of the MLflow run to go on with; None starts a new one.
    """

    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    dataset: Mapping[str, Any]
    run_id: str | None


class Tracker(Protocol):
    """What an experiment tells its tracker; all calls return at once but `finish`."""

    @property
    def run_id(self) -> str | None: ...

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the thread that follows, its start included."""
        ...

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def log_text(self, text: str, artifact_file: str) -> None: ...

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None: ...

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None: ...


class NoTracker:
    """tracking=none: every call does nothing, and MLflow is not imported."""

    run_id: str | None = None
    cpu_seconds = 0.0

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def log_text(self, text: str, artifact_file: str) -> None:
        """Do nothing."""

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Do nothing."""

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        """Do nothing."""


class MlflowTracker:
    """Sends what it is told to MLflow from a thread of its own, metrics in batches about once a second.

    After the first failure it sends nothing more and says so once; the run folder has it all.

    Args:
        tracking: where to.
        run: what the run is.
    """

    def __init__(self, tracking: TrackingConfig, run: RunDescription) -> None:
        self.run_id: str | None = run.run_id
        self.error: str | None = None
        self.cpu_seconds = 0.0
        self._tracking = tracking
        self._client: Any = None
        self._sent_steps: dict[str, int] = {}
        self._metrics: deque[tuple[str, float, int, int]] = deque()
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._wake = threading.Event()
        self._system_monitor: Any = None
        self._jobs.put(lambda: self._start(run))
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Send the metrics of a step, soon."""
        now = int(time.time() * 1000)
        self._metrics.extend((name, value, now, step) for name, value in metrics.items())

    def log_text(self, text: str, artifact_file: str) -> None:
        """Send a text file."""
        self._jobs.put(lambda: self._client.log_text(self.run_id, text, artifact_file))

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Add rows to a table; the UI shows the tables of several runs side by side."""
        self._jobs.put(lambda: self._client.log_table(self.run_id, dict(columns), artifact_file))

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        """Send what is left, then the files (by artifact folder), then the status; return when that is done."""
        assert status in STATUSES
        for path, artifact_folder in artifacts.items():
            self._jobs.put(lambda path=path, to=artifact_folder: self._log_path(path, to))  # type: ignore[misc]
        self._jobs.put(lambda: self._end(status))
        self._jobs.put(None)
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        running = True
        while running:
            self._wake.wait(SEND_EVERY_SECONDS)
            while running:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                running = job is not None
                if job is not None:
                    self._attempt(job)
            self._attempt(self._send_metrics)
            self.cpu_seconds = time.thread_time()

    def _attempt(self, job: Callable[[], None]) -> None:
        if self.error is not None:
            return
        try:
            job()
        except Exception as error:  # whatever tracking does, training goes on
            self.error = one_line(error)
            log.warning("tracking stopped, the run folder has everything: %s", self.error)

    def _start(self, run: RunDescription) -> None:
        self._client, experiment_id = open_client(self._tracking)
        if self.run_id is None:
            tags = {
                "mlflow.user": os.environ.get("USER", "unknown"),
                "mlflow.source.type": "LOCAL",
                **run.tags,
            }
            created = self._client.create_run(experiment_id, run_name=run.name, tags=tags)
            self._log_params(created.info.run_id, run.params)
            self._log_dataset(created.info.run_id, run.dataset)
            self.run_id = created.info.run_id
        else:
            self._client.update_run(self.run_id, status="RUNNING")
            for name in self._client.get_run(self.run_id).data.metrics:
                history = self._client.get_metric_history(self.run_id, name)
                self._sent_steps[name] = max(metric.step for metric in history)
        if self._tracking.system_metrics:
            self._start_system_monitor()

    def _log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        entries = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in params.items()]
        self._client.log_batch(run_id, params=entries)

    def _log_dataset(self, run_id: str, dataset: Mapping[str, Any]) -> None:
        import json

        from mlflow.entities import Dataset, DatasetInput, InputTag

        facts = {key: value for key, value in dataset.items() if key != "name"}
        entity = Dataset(
            name=str(dataset["name"]),
            digest=str(dataset["sha256"])[:36],
            source_type="text",
            source=json.dumps({"name": dataset["name"]}),
            profile=json.dumps(facts),
        )
        self._client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])

    def _start_system_monitor(self) -> None:
        import mlflow
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        mlflow.set_tracking_uri(find_uri(self._tracking))
        self._system_monitor = SystemMetricsMonitor(self.run_id, sampling_interval=5)
        self._system_monitor.start()

    def _send_metrics(self) -> None:
        if self._client is None:
            return
        from mlflow.entities import Metric

        pending = [self._metrics.popleft() for _ in range(len(self._metrics))]
        new = [Metric(*entry) for entry in pending if entry[3] > self._sent_steps.get(entry[0], -1)]
        for start in range(0, len(new), MAX_METRICS_PER_CALL):
            self._client.log_batch(self.run_id, metrics=new[start : start + MAX_METRICS_PER_CALL])

    def _log_path(self, path: Path, artifact_folder: str) -> None:
        if path.is_dir():
            self._client.log_artifacts(self.run_id, str(path), artifact_folder)
        elif path.exists():
            self._client.log_artifact(self.run_id, str(path), artifact_folder or None)

    def _end(self, status: str) -> None:
        self._send_metrics()
        if self._system_monitor is not None:
            with contextlib.suppress(Exception):
                self._system_monitor.finish()
        self._client.set_terminated(self.run_id, status=status)


def start_tracker(tracking: TrackingConfig, run: RunDescription) -> Tracker:
    """Return the tracker of the backend."""
    return NoTracker() if tracking.backend is Backend.none else MlflowTracker(tracking, run)
