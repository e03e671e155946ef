"""The tracker: a thread that makes every call to MLflow, so that tracking never delays or stops training.

The run folder already has all data of the run. The tracker sends copies and retries the calls that fail.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import one_line
from charrnn_exp.program import name_program
from charrnn_exp.tracking.mlflow_run import MAX_METRICS_PER_CALL, Entry, Key, MlflowRun, RunDescription, open_run
from charrnn_exp.tracking.no_tracker import NoTracker, Tracker
from charrnn_exp.tracking.store import find_uri

SEND_EVERY_SECONDS = 1.0
RETRY_SECONDS = 10.0
"""Seconds between two attempts on a store that failed."""
SILENT_SECONDS = 4.0
"""Seconds without an answer after which a store counts as silent; a call to a server is given up after 5."""
END_SHARE = 0.0025
"""Share of the run's time that a store without an answer is waited for at its end."""
END_PATIENCE_SECONDS = 300.0
"""Seconds of waiting for one answer of any other store at the end: a large checkpoint is sent in one call."""
STATUSES = ("FINISHED", "FAILED", "KILLED")

log = logging.getLogger(__name__)


class MlflowTracker:
    """Sends metrics, texts and files to MLflow from a thread, metrics in batches about once a second.

    Data that the store does not accept is kept and sent again every `RETRY_SECONDS`, and once more at the end. The
    first failure is logged as a warning; `repair` sends data that is still missing after the run.

    Args:
        tracking: settings of the store.
        run: description of the run.
        run_id: id of the MLflow run from an earlier session; None: unknown.
        is_resumed: whether MLflow may have the run already.
        remember: called with the ids of the MLflow run and of its experiment as soon as they are known.
        renewed_after: step after which a resumed run makes other numbers than those that the store may have, so that
            they are sent again; None: it makes the same.
    """

    def __init__(
        self,
        tracking: TrackingConfig,
        run: RunDescription,
        *,
        run_id: str | None = None,
        is_resumed: bool = False,
        remember: Callable[[str, str], None] = lambda run_id, experiment_id: None,
        renewed_after: int | None = None,
    ) -> None:
        self.run_id = run_id
        self.error: str | None = None
        """The error because of which the store lacks something; None where it has everything."""
        self.cpu_seconds = 0.0
        self._tracking, self._description, self._remember = tracking, run, remember
        self._may_exist, self._renewed_after = is_resumed, renewed_after
        self._run: MlflowRun | None = None
        self._sent: set[Key] = set()
        self._metrics: deque[Entry] = deque()
        self._jobs: deque[Callable[[MlflowRun], None]] = deque()
        self._files: Callable[[], AbstractContextManager[Mapping[Path, str]]] | None = None
        self._status: str | None = None
        self._ended = 0.0
        """Unix time at which the run ended, before its files were sent."""
        self._has_warned = False
        self._retry_at = 0.0
        self._began = self._heard_at = time.monotonic()
        self._asked_at: float | None = None
        """Start time of the call that is waiting for an answer; None between calls."""
        self._is_down = False
        """Whether the last call failed."""
        self._is_silent = False
        """Whether it failed for want of an answer: what fails at once, may succeed at once."""
        self._is_left = False
        """Whether the run has ended without this thread."""
        self._leaving = threading.Lock()
        self._wake = threading.Event()
        self._system_monitor: Any = None
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Queue the metrics of a step."""
        now = int(time.time() * 1000)
        self._metrics.extend((name, value, now, step) for name, value in metrics.items())

    def log_text(self, text: str, artifact_file: str) -> None:
        """Queue a text file."""
        self._jobs.append(lambda run: run.client.log_text(run.run_id, text, artifact_file))

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Queue rows of a table; the UI shows the tables of several runs side by side."""
        self._jobs.append(lambda run: run.add_rows(columns, artifact_file))

    def log_files(self, files: Callable[[], AbstractContextManager[Mapping[Path, str]]]) -> None:
        """Queue files, once for all calls before they are sent.

        Args:
            files: gives them by artifact folder when they are sent.
        """
        self._files = files
        if self._send_files not in self._jobs:
            self._jobs.append(self._send_files)

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        """Send the rest of the queue, then the files (by artifact folder), then the status.

        Returns when all is sent; where the store does not answer, after `END_SHARE` of the time since the start.
        """
        assert status in STATUSES
        for path, artifact_folder in artifacts.items():
            self._jobs.append(lambda run, path=path, to=artifact_folder: run.send_path(path, to))  # type: ignore[misc]
        began, self._ended = time.monotonic(), time.time()
        if self._run is not None and self._asked_at is not None and began - self._asked_at > SILENT_SECONDS:
            self._is_silent = True
        self._status = status
        self._wake.set()
        while self._thread.is_alive():
            self._thread.join(0.01)
            patience = END_SHARE * (began - self._began) if self._is_silent else END_PATIENCE_SECONDS
            if time.monotonic() - max(began, self._heard_at) > patience:
                self._leave()
                return

    def _leave(self) -> None:
        """Give up on the thread: it writes nothing more into the run folder and ends after its current call."""
        with self._leaving:
            self._is_left = True
        self._fail(self.error or "the store does not answer")

    def _work(self) -> None:
        while self._status is None:
            self._wake.wait(SEND_EVERY_SECONDS)
            # Not before there is data to send: importing MLflow would delay the compilation of the first update.
            has_work = bool(self._metrics or self._jobs)
            if has_work and self._status is None and time.monotonic() >= self._retry_at:
                self._attempt(self._send)
            self.cpu_seconds = time.thread_time()
        self._attempt(self._send)
        # Also where a file could not be sent, but not where no call succeeds.
        if self._run is not None and not self._metrics and not self._is_left:
            self._attempt(self._end)
        self.cpu_seconds = time.thread_time()

    def _attempt(self, action: Callable[[], None]) -> None:
        self._asked_at = time.monotonic()
        try:
            action()
        except Exception as error:  # any exception of MLflow: training continues
            self._note_failure()
            self._fail(hide_secrets(one_line(error)))
        finally:
            self._asked_at = None

    def _hear(self) -> None:
        """Record that the store has answered.

        Raises:
            RuntimeError: if the run has ended without this thread.
        """
        if self._is_left:
            raise RuntimeError("the store answered too late")
        self._heard_at = self._asked_at = time.monotonic()
        self._is_down = self._is_silent = False

    def _note_failure(self) -> None:
        assert self._asked_at is not None
        self._is_down, self._is_silent = True, time.monotonic() - self._asked_at > SILENT_SECONDS

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
        """Send the queue in order, metrics first; data that fails stays in the queue."""
        if self._run is None:
            self._start()
        assert self._run is not None
        num_left = len(self._metrics)  # those of a fast run come meanwhile, and files must not wait for its end
        while num_left:
            # To a store that failed, one metric is sent first: building a whole batch would delay the end of a run.
            batch = list(islice(self._metrics, 1 if self._is_down else min(num_left, MAX_METRICS_PER_CALL)))
            self._run.send_metrics(batch, self._sent)
            num_left -= len(batch)
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
        """Run the queued jobs and return the first failure; after two failures the store counts as down."""
        failures = []
        for job in list(self._jobs):
            try:
                job(run)
            except Exception as error:
                failures.append(error)
                if len(failures) == 2:
                    self._note_failure()
                    break
            else:
                self._hear()
                self._jobs.remove(job)
        return failures[0] if failures else None

    def _send_files(self, run: MlflowRun) -> None:
        """Send the files in their order."""
        assert self._files is not None
        with self._files() as files:
            for path, artifact_folder in files.items():
                run.send_path(path, artifact_folder)
                self._hear()

    def _start(self) -> None:
        may_exist, self._may_exist = self._may_exist, True  # also where this attempt gets no answer
        run = open_run(self._tracking, self._description, run_id=self.run_id, may_exist=may_exist)
        with self._leaving:
            self._hear()
            self.run_id = run.run_id
            self._remember(run.run_id, run.experiment_id)
        self._sent = run.find_sent()
        if (last := self._renewed_after) is not None:
            self._sent = {key for key in self._sent if key[1] <= last}
        if not run.is_new:
            run.start_again()
            run.tag_changes(self._description)
        if self._tracking.system_metrics:
            self._start_system_monitor()
        self._run = run

    def _start_system_monitor(self) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        # mlflow.set_tracking_uri would write the address into the environment of whatever this process does next.
        self._system_monitor = SystemMetricsMonitor(
            self.run_id, sampling_interval=5, resume_logging=True, tracking_uri=find_uri(self._tracking)
        )
        self._system_monitor.start()

    def _end(self) -> None:
        assert self._run is not None
        assert self._status is not None
        if self._system_monitor is not None:
            with contextlib.suppress(Exception):
                self._system_monitor.finish()
        self._run.end(self._status, self._ended)


def start_tracker(tracking: TrackingConfig, run: RunDescription, **options: Any) -> Tracker:
    """Return the tracker of the backend; options as for `MlflowTracker`."""
    return NoTracker() if tracking.backend is Backend.none else MlflowTracker(tracking, run, **options)
