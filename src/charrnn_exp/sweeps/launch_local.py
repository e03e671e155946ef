"""The loop over the jobs of a sweep, each in a process of its own: on this machine, the default of -m, or on others."""

import signal
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.schema import SweepConfig
from charrnn_exp.errors import Interrupted, MachineError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.signals import StopRequest, watch_signals
from charrnn_exp.sweeps.plan import DONE, FAILED, RUNNING, STOPPED, WAITING, Plan, PlannedJob
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.workers import Workers, start_workers
from charrnn_exp.tracking.store import make_store, preload_client
from charrnn_exp.views.sweep import JobRow, SweepView
from charrnn_exp.views.terminal import Terminal

READ_SECONDS = 0.2
MAX_LOSSES = 5
"""Machines that a job may lose before it counts as the one that ends them."""


def launch_local(plan: Plan, settings: SweepConfig, terminal: Terminal, *, label: str | None) -> None:
    """Run the jobs of a sweep that wait on this machine, several at once; arguments as for `launch_jobs`.

    Raises:
        MachineError: if the process that forks them ends.
        Interrupted: after a signal or a closed pipe; jobs that ran have a checkpoint.
    """
    new = (job for job in plan.jobs if job.state == WAITING and not job.is_resumed)
    first = next((_ask_for(job, plan, label) for job in new), None)
    starting = start_workers(is_tracked=_is_tracked(plan), first=first)
    launch_jobs(plan, settings, terminal, label=label, starting=starting)


def launch_jobs(
    plan: Plan,
    settings: SweepConfig,
    terminal: Terminal,
    *,
    label: str | None,
    starting: AbstractContextManager[Workers],
) -> None:
    """Run the jobs of a sweep that wait.

    Args:
        plan: of the sweep, whose lock this process holds.
        settings: of the sweep.
        terminal: shows it.
        label: a tag of the jobs; None: nothing varies.
        starting: gives who runs the jobs, and ends them with its block.

    Raises:
        CharRNNError: if they cannot be started.
        Interrupted: after a signal or a closed pipe; jobs that ran have a checkpoint.
    """
    plan.write()
    with watch_signals() as stop:
        rows = [JobRow(job.name, job.state, _read_loss(job)) for job in plan.jobs]
        with starting as workers, SweepView(terminal, plan.folder, rows) as view:
            if _is_tracked(plan):
                # While the processes of the jobs import: for the end of the sweep, and lest the first jobs wait for it.
                preload_client()
                make_store(read_config(plan.jobs[0].settings).tracking)
            Sweep(plan, workers, view, settings, label).run(stop)
        if stop.signal_number is not None and plan.count(DONE, FAILED) < len(plan.jobs):
            raise Interrupted(stop.signal_number, plan.explain_stop())


def _is_tracked(plan: Plan) -> bool:
    return any(job.settings["tracking"]["backend"] != Backend.none.name for job in plan.jobs)


def _read_loss(job: PlannedJob) -> float | None:
    return RunFolder(Path(job.folder)).read_summary().val_loss if job.state == DONE else None


def _ask_for(job: PlannedJob, plan: Plan, label: str | None) -> Request:
    return Request(
        job=job.number,
        settings=job.settings,
        folder=job.folder,
        hash=job.hash,
        is_resumed=job.is_resumed,
        log=str(plan.log(job)),
        name=job.name,
        sweep=label,
        tags=job.tags,
    )


class Sweep:
    """The loop over the jobs; a search adds jobs to the plan on the way.

    Args:
        plan: of the sweep; its jobs change as they go.
        workers: run them.
        view: shows them.
        settings: of the sweep.
        label: a tag of the jobs.
    """

    def __init__(self, plan: Plan, workers: Workers, view: SweepView, settings: SweepConfig, label: str | None) -> None:
        self._plan, self._workers, self._view, self._settings, self._label = plan, workers, view, settings, label
        self._began: dict[int, float] = {}
        self._compiling: set[int] = set()
        """Running jobs that have not taken their memory yet."""
        self._is_stopped = False
        self._num_losses: Counter[int] = Counter()

    def run(self, stop: StopRequest) -> None:
        """Run the jobs until all have ended, or until no more may start."""
        try:
            self._run(stop)
        finally:  # after an error too, of a queue or of the process that forks
            self._plan.stop_running()

    def _run(self, stop: StopRequest) -> None:
        while True:
            if stop() and not self._is_stopped:
                self._is_stopped = True
                self._workers.stop()
            while not self._is_stopped and (job := self._find_next()) is not None:
                self._start(job)
            if not self._plan.count(RUNNING):
                return
            self._beat()
            for event in self._workers.read(READ_SECONDS):
                self._hear(self._plan.jobs[event["job"]], event)

    def _beat(self) -> None:
        """Do what a search does at each turn."""

    def _find_next(self) -> PlannedJob | None:
        """Return the next job that cores and memory have room for; alone it always starts, or tells why not."""
        running = [job for job in self._plan.jobs if job.state == RUNNING]
        job = next((job for job in self._plan.jobs if job.state == WAITING), None)
        if job is None or not running:
            return job
        at_once = self._settings.jobs
        threads = job.threads + sum(each.threads for each in running)
        if len(running) >= at_once if at_once is not None else not self._workers.has_cores(threads):
            return None
        needed = job.num_bytes + sum(self._plan.jobs[i].num_bytes for i in self._compiling)
        return job if self._workers.has_memory(needed) else None

    def _start(self, job: PlannedJob) -> None:
        self._plan.begin(job)
        self._began[job.number] = time.monotonic()
        self._compiling.add(job.number)
        self._view.start(job.number)
        self._workers.start(_ask_for(job, self._plan, self._label))

    def _hear(self, job: PlannedJob, event: dict[str, Any]) -> None:
        match event["event"]:
            case "queued" | "started":
                self._view.step(job.number, 0, 0, {"queued": "queued", "started": "compiling"}[event["event"]])
            case "lost":
                self._lose(job, event["reason"])
            case "step":
                self._compiling.discard(job.number)
                self._view.step(job.number, event["step"], event["num_steps"], event["loss"])
            case "failed":
                job.reason, job.is_mistake = event["reason"], event["is_mistake"]
            case "ended":
                self._end(job, event["code"])

    def _lose(self, job: PlannedJob, reason: str) -> None:
        """Let a job whose machine has gone wait again; it goes on from its newest checkpoint."""
        job.reason = reason
        self._num_losses[job.number] += 1
        if self._is_stopped or self._num_losses[job.number] > MAX_LOSSES:
            self._end(job, -signal.SIGTERM if self._is_stopped else -signal.SIGKILL)
            return
        self._compiling.discard(job.number)
        self._plan.end(job, WAITING, None)
        job.reason, job.is_resumed = "", RunFolder(self._plan.place(job)).config.exists()
        self._view.end(job.number, WAITING, told=f"runs again: {reason}")

    def _end(self, job: PlannedJob, code: int) -> None:
        self._compiling.discard(job.number)
        is_stop = self._is_stopped and code in (128 + signal.SIGTERM, -signal.SIGTERM)
        if code == 0 and RunFolder(self._plan.place(job)).read_summary().status != "FINISHED":
            job.reason, code = job.reason or f"ended without a finished run in {job.folder}", MachineError.exit_code
        state = DONE if code == 0 else STOPPED if is_stop else FAILED
        if state == FAILED and not job.reason:
            job.reason = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if state == DONE:
            self._plan.log(job).unlink(missing_ok=True)  # its run.log has all of it
        self._plan.end(job, state, code)
        seconds = time.monotonic() - self._began[job.number]
        loss = _read_loss(job)
        done = f"done: {'' if loss is None else f'val_loss {loss:.4f}, '}{seconds:,.1f} s"
        told = {DONE: done, FAILED: f"failed: {job.reason}"}.get(state)
        self._view.end(job.number, state, val_loss=loss, told=told)
        if state == FAILED and not self._settings.keep_going:
            self._is_stopped = True
            self._workers.stop()
