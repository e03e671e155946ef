"""A search from its command to its end: trials run like jobs of a sweep, and each is asked for when there is room."""

import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.compose import Composed
from charrnn_exp.config.schema import Config, SweepConfig
from charrnn_exp.config.search import Pruner, Sampler, Search, count_cells
from charrnn_exp.config.secrets import redact
from charrnn_exp.config.words import show_word
from charrnn_exp.errors import Interrupted, UserError
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Prepared
from charrnn_exp.experiment.prepare import check_inputs
from charrnn_exp.experiment.shared_inputs import SharedInputs, read_shared_inputs
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder, make_run_folder
from charrnn_exp.signals import watch_signals
from charrnn_exp.sweeps.launch_local import Sweep
from charrnn_exp.sweeps.plan import DONE, FAILED, WAITING, Plan, PlannedJob
from charrnn_exp.sweeps.planning import probe_servers
from charrnn_exp.sweeps.search.conclude import Ending, conclude_search, show_search
from charrnn_exp.sweeps.search.distributions import list_distributions
from charrnn_exp.sweeps.search.jobs import PRUNED, TrialJobs, count_running
from charrnn_exp.sweeps.search.study import explain_storage, make_digest, name_storage, open_study
from charrnn_exp.sweeps.search.trials import Trials
from charrnn_exp.sweeps.workers import Workers, start_workers
from charrnn_exp.views.sweep import JobRow, SweepView
from charrnn_exp.views.terminal import Terminal

ASK_SECONDS = 2.0
"""From a question that brought no trial to the next one: another process may leave some."""
STOPS = (128 + signal.SIGTERM, -signal.SIGTERM)
"""Exit codes of a job that was asked to stop."""


@dataclass(frozen=True)
class _Common:
    """The facts that the trials of a search share.

    Args:
        digest: tells its study from others.
        first_step: of the first validation, in updates.
        last_step: of a trial.
        is_validated: whether there is a validation text.
    """

    digest: str
    first_step: int
    last_step: int
    is_validated: bool


def launch_search(words: Sequence[str], composed: Sequence[Composed], *, config_dir: Path | None) -> None:
    """Run the trials of a study until it has as many as it shall; several at once.

    Args:
        words: overrides of the search.
        composed: jobs with each of its values, to check beforehand.
        config_dir: the user's own folder of YAML groups.

    Raises:
        UserError: if an input does not fit, or all trials failed by mistakes of the user.
        MachineError: if storage or tracking server let us not in, or trials failed, not all by mistakes of the user.
        Interrupted: after a signal or a closed pipe; trials that ran have a checkpoint, and go on.
    """
    search, configs = composed[0].search, [job.config for job in composed]
    assert search is not None, "the caller asked"
    _check_sweep(composed, configs)
    inputs, terminal, name = read_shared_inputs(configs), Terminal(), configs[0].name
    common = _find_common(search, configs, inputs)
    storage, num_trials = name_storage(search.config, name), search.config.n_trials
    if search.config.sampler is Sampler.grid:
        num_trials = min(num_trials, count_cells(search.space))
    if configs[0].sweep.dry_run:
        terminal.say(f"search of {num_trials} trials in {redact(storage)}")
        show_search(search, terminal)
        return
    probe_servers(configs)
    study = open_study(search, storage, common.digest, first_step=common.first_step, last_step=common.last_step)
    with explain_storage(storage):
        trials = Trials(study, list_distributions(search.space), num_trials)
        counts = trials.count()
        begun = counts.complete + counts.pruned + counts.failed
        terminal.say(
            f"search of {num_trials} trials, {begun} of them done: study {study.study_name} in {redact(storage)}"
        )
        directory = None if config_dir is None else str(config_dir)
        plan = Plan(make_run_folder(name, datetime.now()).path, words, directory, [])
        source = TrialJobs(search, trials, inputs, config_dir, folder=plan.folder, study=study.study_name)
        if begun < num_trials:
            is_tracked = any(config.tracking.backend is not Backend.none for config in configs)
            _run(plan, source, terminal, configs[0].sweep, num_left=num_trials - begun, is_tracked=is_tracked)
        conclude_search(study, search, plan, Ending(terminal, configs[0].tracking))


def _check_sweep(composed: Sequence[Composed], configs: Sequence[Config]) -> None:
    if any(config.sweep != configs[0].sweep or config.name != configs[0].name for config in configs):
        raise UserError("name and sweep must have the same settings in all trials, got several.")
    if (launcher := composed[0].options.get("hydra/launcher")) != "basic":
        raise UserError(f"hydra/launcher must be left as it is with hydra/sweeper=optuna, got {launcher!r}.")


def _find_common(search: Search, configs: Sequence[Config], inputs: SharedInputs) -> _Common:
    """Check the inputs of all jobs, and return what is read from the first.

    Raises:
        UserError: if an input does not fit, or what is searched for is not measured.
    """
    found: dict[int, _Common] = {}

    def look(i: int, prepared: Prepared) -> None:
        training, text = prepared.config.training, prepared.text
        steps_per_epoch = text.plan.find_order(0).steps_per_epoch
        is_validated = text.splits.val_n is not None
        typed = training.precision.name  # what auto chooses is the machine's, and a study may have several
        digest = make_digest(search, hash_job(prepared, threads=0, parts=0, precision=typed)) if i == 0 else ""
        first = training.validate_every_steps or steps_per_epoch
        found[i] = _Common(digest, first, text.plan.count_steps(training), is_validated)

    check_inputs([inputs.put_into(config) for config in configs], look)
    needed = {"val_loss", "best_val_loss", "bits_per_char"} & set(search.config.objectives)
    if not all(each.is_validated for each in found.values()) and (needed or search.config.pruner is not Pruner.none):
        raise UserError(
            "hydra.sweeper.objectives must be measured, got val_loss and a text without a validation split."
        )
    return found[0]


def _run(
    plan: Plan, source: TrialJobs, terminal: Terminal, settings: SweepConfig, *, num_left: int, is_tracked: bool
) -> None:
    """Run trials until none is left, or a signal comes."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    plan.write()
    with watch_signals() as stop:
        with (
            start_workers(is_tracked=is_tracked) as workers,
            SweepView(terminal, plan.folder, [], num_jobs=num_left) as view,
        ):
            label = RunFolder(plan.folder).label
            loop = _SearchLoop(plan, workers, view, settings, label, source)
            loop.run(stop)
            while not (loop.is_stopped or stop()) and source.trials.is_undecided():
                time.sleep(ASK_SECONDS)
                loop.run(stop)
        for job in plan.jobs:
            if job.state == WAITING:
                source.tell(job)
        if stop.signal_number is not None and source.trials.has_left():
            raise Interrupted(stop.signal_number, explain_stop(plan))


def explain_stop(plan: Plan) -> str:
    """Return how many trials are done here, and the command that goes on, quoted for a shell."""
    words = [show_word(word) if "$" not in word else word for word in plan.words]
    if plan.config_dir is not None:
        words += ["--config-dir", plan.config_dir]
    return (
        f"stopped with {plan.count(DONE, PRUNED)} trials done here, in {plan.folder}. "
        f"Go on with the same command again: {name_program()} -m {shlex.join(words)}"
    )


class _SearchLoop(Sweep):
    """The loop over the trials: the plan gets a job more whenever there is room for one.

    Args:
        plan: without jobs; its list grows.
        workers: run them.
        view: shows them.
        settings: of the sweep.
        label: a tag of the runs.
        source: of the jobs.
    """

    def __init__(
        self, plan: Plan, workers: Workers, view: SweepView, settings: SweepConfig, label: str, source: TrialJobs
    ) -> None:
        super().__init__(plan, workers, view, settings, label)
        self._source, self._ask_at, self._pruned = source, 0.0, set[int]()

    @property
    def is_stopped(self) -> bool:
        """Whether no more trial may start."""
        return self._is_stopped

    def _beat(self) -> None:
        self._source.trials.beat()

    def _find_next(self) -> PlannedJob | None:
        while self._has_room() and (job := self._source.ask(len(self._plan.jobs))) is not None:
            assert isinstance(self._plan.jobs, list)
            self._plan.jobs.append(job)
            self._view.add(JobRow(job.name, job.state))
            if job.state == DONE:
                self._view.end(job.number, DONE, told=f"was done earlier: {job.folder}")
            elif job.state == FAILED:
                self._view.end(job.number, FAILED, told=f"failed: {job.reason}")
                if not self._settings.keep_going:
                    self._is_stopped = True
                    self._workers.stop()
        return super()._find_next()

    def _has_room(self) -> bool:
        """Return whether a trial may be asked for: it is begun by then, so that none waits that others could run."""
        if self._is_stopped or self._plan.count(WAITING) or time.monotonic() < self._ask_at:
            return False
        at_once, (num_running, num_threads) = self._settings.jobs, count_running(self._plan.jobs)
        is_full = num_running >= at_once if at_once is not None else num_threads >= count_cores()
        if not is_full or not num_running:
            self._ask_at = time.monotonic() + (ASK_SECONDS if num_running else 0.0)
            return True
        return False

    def _hear(self, job: PlannedJob, event: dict[str, Any]) -> None:
        if event["event"] != "validated":
            super()._hear(job, event)
        elif job.number not in self._pruned and self._source.validate(job, event["step"], event["val_loss"]):
            self._pruned.add(job.number)
            self._workers.stop(job.number)

    def _end(self, job: PlannedJob, code: int) -> None:
        if job.number in self._pruned and code in STOPS:
            self._compiling.discard(job.number)
            job.reason = ""
            self._plan.end(job, PRUNED, code)
            self._plan.log(job).unlink(missing_ok=True)
            num_steps = RunFolder(self._plan.place(job)).read_summary().step
            self._view.end(job.number, PRUNED, told=f"pruned after {num_steps:,} updates")
        else:
            super()._end(job, code)
        self._source.tell(job)
        self._ask_at = 0.0
