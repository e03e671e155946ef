"""A sweep with each job in a process of its own: the default of -m."""

import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.overrides import find_swept_keys, name_run
from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import Config, SweepConfig
from charrnn_exp.errors import Interrupted, UserError
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Prepared
from charrnn_exp.experiment.prepare import check_inputs
from charrnn_exp.experiment.shared_inputs import read_shared_inputs
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.memory import estimate_bytes, find_free_bytes
from charrnn_exp.model.threads import choose_threads
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder, make_run_folder
from charrnn_exp.signals import StopRequest, watch_signals
from charrnn_exp.sweeps.conclude import conclude_sweep, show_plan
from charrnn_exp.sweeps.lookup import find_earlier
from charrnn_exp.sweeps.plan import DONE, FAILED, RUNNING, STOPPED, WAITING, Plan, PlannedJob
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.workers import Workers, start_workers
from charrnn_exp.views.sweep import SweepView
from charrnn_exp.views.terminal import Terminal

READ_SECONDS = 0.2


def launch_local(words: Sequence[str], jobs: Sequence[Sequence[str]], configs: Sequence[Config]) -> None:
    """Run all jobs of a sweep, several at once; the inputs of all are checked before the first.

    Args:
        words: overrides of the sweep.
        jobs: overrides of each job.
        configs: checked settings of each job.

    Raises:
        UserError: if an input does not fit, or if jobs failed, all by mistakes of the user.
        MachineError: if jobs failed, not all by mistakes of the user.
        Interrupted: after a signal or a closed pipe; jobs that ran have a checkpoint.
    """
    sweep = configs[0].sweep
    if any(config.sweep != sweep for config in configs):
        raise UserError("sweep must have the same settings in all jobs, got several. It is of the sweep, not of a job.")
    terminal = Terminal()
    plan = _make_plan(words, jobs, configs)
    terminal.say(f"sweep of {len(configs)} jobs")
    if not sweep.rerun:
        _take_earlier(plan, terminal)
    if sweep.dry_run:
        show_plan(plan, terminal)
        return
    if not plan.count(WAITING):
        conclude_sweep(plan, terminal)
        return
    plan.folder.mkdir(parents=True, exist_ok=True)
    plan.write()
    is_tracked = any(config.tracking.backend is not Backend.none for config in configs)
    label = RunFolder(plan.folder).label if find_swept_keys(words) else None
    with watch_signals() as stop:
        with (
            start_workers(is_tracked=is_tracked) as workers,
            SweepView(terminal, plan.folder, len(configs), num_done=plan.count(DONE)) as view,
        ):
            Sweep(plan, workers, view, sweep, label).run(stop)
        if stop.signal_number is not None and plan.count(DONE, FAILED) < len(plan.jobs):
            raise Interrupted(stop.signal_number, _explain_stop(plan))
    conclude_sweep(plan, terminal)


def _make_plan(words: Sequence[str], jobs: Sequence[Sequence[str]], configs: Sequence[Config]) -> Plan:
    inputs, swept = read_shared_inputs(configs), find_swept_keys(words)
    planned: dict[int, PlannedJob] = {}

    def look(i: int, prepared: Prepared) -> None:
        name = configs[i].tracking.run_name or name_run(jobs[i], swept)
        planned[i] = plan_job(prepared, number=i, folder=str(folder / str(i)), name=name)

    folder = make_run_folder(configs[0].name, datetime.now()).path
    check_inputs([inputs.put_into(config) for config in configs], look)
    return Plan(folder, words, [planned[i] for i in range(len(configs))])


def plan_job(prepared: Prepared, *, number: int, folder: str, name: str) -> PlannedJob:
    """Return a waiting job.

    Args:
        prepared: its inputs.
        number: of the job in its plan.
        folder: of its run.
        name: the settings that vary.
    """
    training = prepared.config.training
    threads = training.threads or choose_threads(prepared.model)
    num_symbols = len(prepared.text.corpus.vocabulary)
    return PlannedJob(
        number=number,
        hash=hash_job(prepared, threads=threads),
        folder=folder,
        is_resumed=False,
        name=name,
        settings=to_values(replace(prepared.config, training=replace(training, threads=threads))),
        threads=threads,
        num_bytes=estimate_bytes(prepared.model, training, num_symbols=num_symbols),
    )


def _take_earlier(plan: Plan, terminal: Terminal) -> None:
    """Let the jobs that are done stand, and those that were stopped go on where they are."""
    found = find_earlier({job.hash for job in plan.jobs})
    for job in plan.jobs:
        if (earlier := found.get(job.hash)) is not None:
            job.folder, job.is_resumed = str(earlier.folder.path), not earlier.is_done
            job.state = DONE if earlier.is_done else WAITING
    if done := [job for job in plan.jobs if job.state == DONE]:
        places = dict.fromkeys(str(plan.place(job).parent) for job in done)
        where = ", ".join(places)
        terminal.say(f"{len(done)} of {len(plan.jobs)} jobs are done: {where} (sweep.rerun=true runs them again)")
    if on := [job for job in plan.jobs if job.is_resumed]:
        terminal.say(f"{len(on)} jobs go on from their checkpoints: {', '.join(job.folder for job in on)}")


def _explain_stop(plan: Plan) -> str:
    return (
        f"stopped with {plan.count(DONE)} of {len(plan.jobs)} jobs done, in {plan.folder}. "
        f"Go on with the same command again: {name_program()} -m {shlex.join(plan.words)}"
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

    def run(self, stop: StopRequest) -> None:
        """Run the jobs until all have ended, or until no more may start."""
        while True:
            if stop() and not self._is_stopped:
                self._is_stopped = True
                self._workers.stop()
            while not self._is_stopped and (job := self._find_next()) is not None:
                self._start(job)
            if not self._plan.count(RUNNING):
                return
            for event in self._workers.read(READ_SECONDS):
                self._hear(self._plan.jobs[event["job"]], event)

    def _find_next(self) -> PlannedJob | None:
        """Return the next job that cores and memory have room for; alone it always starts, or tells why not."""
        running = [job for job in self._plan.jobs if job.state == RUNNING]
        job = next((job for job in self._plan.jobs if job.state == WAITING), None)
        if job is None or not running:
            return job
        at_once = self._settings.jobs
        threads = job.threads + sum(each.threads for each in running)
        if len(running) >= at_once if at_once is not None else threads > count_cores():
            return None
        needed = job.num_bytes + sum(self._plan.jobs[i].num_bytes for i in self._compiling)
        return job if needed <= find_free_bytes() else None

    def _start(self, job: PlannedJob) -> None:
        job.state = RUNNING
        self._began[job.number] = time.monotonic()
        self._compiling.add(job.number)
        self._plan.write()
        self._view.start(job.number, job.name)
        self._workers.start(
            Request(
                job=job.number,
                settings=job.settings,
                folder=job.folder,
                is_resumed=job.is_resumed,
                log=str(self._plan.log(job)),
                name=job.name,
                sweep=self._label,
                tags=job.tags,
            )
        )

    def _hear(self, job: PlannedJob, event: dict[str, Any]) -> None:
        match event["event"]:
            case "step":
                self._compiling.discard(job.number)
                self._view.step(job.number, event["step"], event["num_steps"], event["loss"])
            case "failed":
                job.reason, job.is_mistake = event["reason"], event["is_mistake"]
            case "ended":
                self._end(job, event["code"])

    def _end(self, job: PlannedJob, code: int) -> None:
        self._compiling.discard(job.number)
        job.exit_code, seconds = code, time.monotonic() - self._began[job.number]
        is_stop = self._is_stopped and code in (128 + signal.SIGTERM, -signal.SIGTERM)
        job.state = DONE if code == 0 else STOPPED if is_stop else FAILED
        if job.state == FAILED and not job.reason:
            job.reason = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if job.state == DONE:
            self._plan.log(job).unlink(missing_ok=True)  # its run.log has all of it
            self._view.finish(job.number, RunFolder(self._plan.place(job)).read_summary().val_loss, seconds)
        elif job.state == FAILED:
            self._view.fail(job.number, job.reason)
            if not self._settings.keep_going:
                self._is_stopped = True
                self._workers.stop()
        self._plan.write()
