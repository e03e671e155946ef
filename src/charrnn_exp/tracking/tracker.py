"""The door to MLflow: a thread of its own makes every call, so that tracking never holds training up or stops it.

What a run must not lose stands in its folder already; this only follows, and what fails is tried again later.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import one_line
from charrnn_exp.program import name_program
from charrnn_exp.tracking.mlflow_run import MAX_METRICS_PER_CALL, Entry, MlflowRun, RunDescription, open_run
from charrnn_exp.tracking.store import find_uri

SEND_EVERY_SECONDS = 1.0
RETRY_SECONDS = 10.0
"""How long a store that failed is left in peace."""
SILENT_SECONDS = 5.0
"""A store that has not answered for so long when a run ends counts as one that failed."""
END_SHARE = 0.0025
"""Of a run's time: how long a store that failed is waited for at the end."""
END_PATIENCE_SECONDS = 300.0
"""How long one answer of any other store is waited for at the end: a large checkpoint over a slow line is one call."""
STATUSES = ("FINISHED", "FAILED", "KILLED")

log = logging.getLogger(__name__)


class Tracker(Protocol):
    """What an experiment tells its tracker; all calls return at once but `finish`."""

    @property
    def run_id(self) -> str | None: ...

    @property
    def error(self) -> str | None:
        """What keeps the store from having everything; None when it has."""
        ...

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
    error: str | None = None
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

    What the store does not take stays, and is tried again every `RETRY_SECONDS` and once more at the end. The first
    failure is told; what is missing at the end `repair` sends.

    Args:
        tracking: where to.
        run: what the run is.
        run_id: of the MLflow run to go on with, as far as is known.
        is_resumed: whether MLflow may have the run already.
        remember: called with the id of the MLflow run as soon as there is one.
    """

    def __init__(
        self,
        tracking: TrackingConfig,
        run: RunDescription,
        *,
        run_id: str | None = None,
        is_resumed: bool = False,
        remember: Callable[[str], None] = lambda run_id: None,
    ) -> None:
        self.run_id = run_id
        self.error: str | None = None
        """What keeps the store from having everything; None when it has."""
        self.cpu_seconds = 0.0
        self._tracking, self._description, self._remember = tracking, run, remember
        self._may_exist = is_resumed
        self._run: MlflowRun | None = None
        self._sent_steps: dict[str, set[int]] = {}
        self._metrics: deque[Entry] = deque()
        self._jobs: deque[Callable[[MlflowRun], None]] = deque()
        self._status: str | None = None
        self._has_warned = False
        self._retry_at = 0.0
        self._began = self._heard_at = time.monotonic()
        self._asked_at: float | None = None
        """When the call was made that has no answer yet; None between calls."""
        self._is_down = False
        """Whether the last call failed, whatever was answered before it."""
        self._is_left = False
        """Whether the run has ended without waiting for this thread."""
        self._leaving = threading.Lock()
        self._wake = threading.Event()
        self._system_monitor: Any = None
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Send the metrics of a step, soon."""
        now = int(time.time() * 1000)
        self._metrics.extend((name, value, now, step) for name, value in metrics.items())

    def log_text(self, text: str, artifact_file: str) -> None:
        """Send a text file."""
        self._jobs.append(lambda run: run.client.log_text(run.run_id, text, artifact_file))

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Add rows to a table; the UI shows the tables of several runs side by side."""
        self._jobs.append(lambda run: run.add_rows(columns, artifact_file))

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        """Send what is left, then the files (by artifact folder), then the status.

        Returns when that is done; where the store does not answer, after `END_SHARE` of the time since the start.
        """
        assert status in STATUSES
        for path, artifact_folder in artifacts.items():
            self._jobs.append(lambda run, path=path, to=artifact_folder: run.send_path(path, to))  # type: ignore[misc]
        began = time.monotonic()
        if self._run is not None and self._asked_at is not None and began - self._asked_at > SILENT_SECONDS:
            self._is_down = True
        self._status = status
        self._wake.set()
        while self._thread.is_alive():
            self._thread.join(0.01)
            patience = END_SHARE * (began - self._began) if self._is_down else END_PATIENCE_SECONDS
            if time.monotonic() - max(began, self._heard_at) > patience:
                self._leave()
                return

    def _leave(self) -> None:
        """End without the thread: it writes nothing more into the run folder, and ends with the call it is at."""
        with self._leaving:
            self._is_left = True
        self._fail(self.error or "the store does not answer")

    def _work(self) -> None:
        while self._status is None:
            self._wake.wait(SEND_EVERY_SECONDS)
            # Not before there is something to send: MLflow's import would hold up the compiling of the first update.
            has_work = bool(self._metrics or self._jobs)
            if has_work and self._status is None and time.monotonic() >= self._retry_at:
                self._attempt(self._send)
            self.cpu_seconds = time.thread_time()
        self._attempt(self._send)
        # Also where a file could not be sent, unless nothing can.
        if self._run is not None and not self._metrics and not self._is_left:
            self._attempt(self._end)
        self.cpu_seconds = time.thread_time()

    def _attempt(self, action: Callable[[], None]) -> None:
        self._asked_at = time.monotonic()
        try:
            action()
        except Exception as error:  # whatever tracking does, training goes on
            self._is_down = True
            self._fail(hide_secrets(one_line(error)))
        finally:
            self._asked_at = None

    def _hear(self) -> None:
        """Note that the store has answered.

        Raises:
            RuntimeError: if nobody waits for it any more.
        """
        if self._is_left:
            raise RuntimeError("the store answered too late")
        self._heard_at = self._asked_at = time.monotonic()
        self._is_down = False

    def _fail(self, reason: str) -> None:
        self.error = reason
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "tracking failed and is tried again; what it misses stands in the run folder, and "
                "`%s repair` sends it: %s",
                name_program(),
                reason[:500],
            )

    def _send(self) -> None:
        """Send all that waits, in order, metrics first; what fails keeps waiting."""
        if self._run is None:
            self._start()
        assert self._run is not None
        while self._metrics:
            # A store that failed is asked with one: making a batch for nobody holds up the end of a run.
            batch = list(islice(self._metrics, 1 if self._is_down else MAX_METRICS_PER_CALL))
            self._run.send_metrics(entry for entry in batch if entry[3] not in self._sent_steps.get(entry[0], ()))
            for _ in batch:
                self._metrics.popleft()
            self._hear()
        failure = self._do_jobs(self._run)
        if failure is not None:
            self._fail(hide_secrets(one_line(failure)))
            return
        with self._leaving:
            if not self._is_left:
                self.error = None

    def _do_jobs(self, run: MlflowRun) -> Exception | None:
        """Do what waits; a job that fails holds up no other, two say that the store is not there. Return the first."""
        failures = []
        for job in list(self._jobs):
            try:
                job(run)
            except Exception as error:
                failures.append(error)
                if len(failures) == 2:
                    self._is_down = True
                    break
            else:
                self._hear()
                self._jobs.remove(job)
        return failures[0] if failures else None

    def _start(self) -> None:
        may_exist, self._may_exist = self._may_exist, True  # also if this attempt gets no answer
        run = open_run(self._tracking, self._description, run_id=self.run_id, may_exist=may_exist)
        with self._leaving:
            self._hear()
            self.run_id = run.run_id
            self._remember(run.run_id)
        self._sent_steps = run.find_sent_steps()
        if not run.is_new:
            run.set_status("RUNNING")
        if self._tracking.system_metrics:
            self._start_system_monitor()
        self._run = run

    def _start_system_monitor(self) -> None:
        import mlflow
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        mlflow.set_tracking_uri(find_uri(self._tracking))
        self._system_monitor = SystemMetricsMonitor(self.run_id, sampling_interval=5, resume_logging=True)
        self._system_monitor.start()

    def _end(self) -> None:
        assert self._run is not None
        assert self._status is not None
        if self._system_monitor is not None:
            with contextlib.suppress(Exception):
                self._system_monitor.finish()
        self._run.set_status(self._status)


def start_tracker(tracking: TrackingConfig, run: RunDescription, **options: Any) -> Tracker:
    """Return the tracker of the backend; options as for `MlflowTracker`."""
    return NoTracker() if tracking.backend is Backend.none else MlflowTracker(tracking, run, **options)
