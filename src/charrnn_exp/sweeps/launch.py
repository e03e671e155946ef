"""A sweep from its words to its end: what is done already is looked up before any launcher starts."""

import functools
from collections.abc import Sequence
from pathlib import Path

from charrnn_exp.config.compose import Composed, compose_all
from charrnn_exp.config.launchers import GROUP
from charrnn_exp.config.overrides import find_swept_keys
from charrnn_exp.config.search import OPTION
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.threads import choose_workers_in_sweep, choose_workers_of_process
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.launch import launch_on_cluster
from charrnn_exp.sweeps.conclude import conclude_sweep, show_plan
from charrnn_exp.sweeps.launch_hydra import Failure, SweepJob, launch_hydra
from charrnn_exp.sweeps.launch_local import launch_local
from charrnn_exp.sweeps.plan import DONE, FAILED, STOPPED, WAITING, Plan, StoredPlan, list_own_words
from charrnn_exp.sweeps.planning import find_plan, plan_sweep, probe_servers, take_earlier
from charrnn_exp.views.terminal import Terminal

GROUPS = (GROUP, "hydra/sweeper")
IN_USE_SECONDS = 6.0
"""In which the jobs of a sweep that was killed have ended: they save a checkpoint first."""
IN_USE_SECONDS_ON_CLUSTER = 75.0
"""The same on a cluster, where a job hears of it after a minute."""


def launch_sweep(
    words: Sequence[str],
    composed: Sequence[Composed],
    *,
    config_dir: Path | None,
    stored: StoredPlan | None = None,
) -> None:
    """Run a search, or the jobs of a sweep that are not done: in processes of their own, or by Hydra if a word says so.

    The inputs of all jobs are checked before the first.

    Args:
        words: overrides of the sweep.
        composed: its jobs.
        config_dir: the user's own folder of YAML groups.
        stored: its plan, where that goes on.

    Raises:
        UserError: if an input does not fit, if jobs failed, all by mistakes of the user, or if the jobs are no longer
            those of the stored plan.
        MachineError: if the tracking server refuses access, another process runs jobs of the sweep, or jobs failed,
            not all by mistakes of the user.
        Interrupted: after a signal or a closed pipe; jobs that ran have a checkpoint.
    """
    if composed[0].search is not None:
        from charrnn_exp.sweeps.search.launch import launch_search  # Optuna may not be installed

        launch_search(words, composed, config_dir=config_dir)
        return
    terminal, settings, launcher = Terminal(), composed[0].config.sweep, composed[0].launcher
    by_hydra, swept = _is_of_hydra(words, composed), frozenset(find_swept_keys(words))
    choose = choose_workers_of_process if by_hydra else choose_workers_in_sweep
    plan, inputs = plan_sweep(words, composed, config_dir=config_dir, choose=choose)
    if stored is not None and (changed := len({job.hash for job in plan.jobs} - {*stored.hashes})):
        raise UserError(
            f"run must be a sweep whose settings and text are as they were, got {stored.folder}, where {changed} of "
            f"{len(plan.jobs)} jobs would be others. Start it anew with -m and its words."
        )
    terminal.say(f"sweep of {len(plan.jobs)} jobs")
    patience = 0.0 if settings.dry_run else IN_USE_SECONDS if launcher is None else IN_USE_SECONDS_ON_CLUSTER
    earlier = {} if settings.rerun else take_earlier(plan, terminal, wait_seconds=patience)
    if settings.dry_run:
        own = None if by_hydra or launcher is not None else max(1, count_cores() // max(j.threads for j in plan.jobs))
        show_plan(plan, terminal, at_once=own and (settings.jobs or own))
        return
    if plan.count(WAITING):
        probe_servers([job.config for job in composed])
    if not (settings.rerun or by_hydra):
        plan = find_plan(plan)
    with plan.lock():
        if not plan.count(WAITING):
            plan.write()
        elif by_hydra:
            _run_by_hydra(plan, SweepJob(inputs, swept, earlier), config_dir)
        else:
            label = RunFolder(plan.folder).label if swept else None
            launch = launch_local if launcher is None else functools.partial(launch_on_cluster, launcher)
            launch(plan, settings, terminal, label=label)
        conclude_sweep(plan, terminal, composed[0].config.tracking, swept=swept)


def resume_sweep(folder: Path, words: Sequence[str]) -> None:
    """Go on with a sweep by its plan.

    Args:
        folder: of the sweep.
        words: typed beside it; those of `sweep` alone may be.

    Raises:
        UserError: if another word was typed, the plan has words that are taken from a command line alone, or as for
            `launch_sweep`.
    """
    stored = StoredPlan.read(folder)
    if others := [word for word in words if not word.startswith("sweep.")]:
        raise UserError(
            f"{others[0].partition('=')[0]} must stay as the sweep has it, got {others[0]!r}. "
            "Only settings of sweep may be typed: sweep.jobs=2."
        )
    if own := list_own_words(stored.words, stored.config_dir):
        raise UserError(
            f"run must be a sweep without words that only a command line may have, got {own[0]!r} in {folder}. "
            "Give its command again, with -m: what is done stays done."
        )
    kept = [word for word in stored.words if word.partition("=")[0] not in ("sweep.rerun", "sweep.dry_run")]
    kept = [word for word in kept if word.partition("=")[0] not in {each.partition("=")[0] for each in words}]
    composed = compose_all([*kept, *words], multirun=True)
    launch_sweep([*kept, *words], composed, config_dir=None, stored=stored)


def _is_of_hydra(words: Sequence[str], composed: Sequence[Composed]) -> bool:
    """Return whether a word or a file chooses one of Hydra's launchers or sweepers; `basic` only where it is typed.

    Raises:
        UserError: if one of ours is chosen for some jobs alone, or a launcher of ours with a sweeper.
    """
    if any(job.options.get("hydra/sweeper") == OPTION for job in composed):
        raise UserError("hydra/sweeper must be chosen for the whole sweep, got optuna in a group that varies.")
    if any(job.launcher is not None for job in composed):
        if any(job.launcher != composed[0].launcher for job in composed):
            raise UserError(f"{GROUP} must be chosen for the whole sweep, got one in a group that varies.")
        if (sweeper := composed[0].options.get("hydra/sweeper")) != "basic":
            raise UserError(f"hydra/sweeper must be left as it is with {GROUP} of a cluster, got {sweeper!r}.")
        return False
    if any(word.startswith(tuple(f"{group}=" for group in GROUPS)) for word in words):
        return True
    return any(job.options.get(group) != "basic" for job in composed for group in GROUPS)


def _run_by_hydra(plan: Plan, job: SweepJob, config_dir: Path | None) -> None:
    """Run the jobs by Hydra; jobs that another sweeper than its own has thought of are in no plan."""
    failures: list[Failure] = []
    try:
        failures = launch_hydra(plan, job, config_dir=config_dir)
    finally:
        _read_states(plan, {failure.number: failure for failure in failures})
    if unplanned := [failure for failure in failures if failure.number >= len(plan.jobs)]:
        raise MachineError(*(f"job {failure.job!r} failed: {failure.line}" for failure in unplanned))


def _read_states(plan: Plan, failures: dict[int, Failure]) -> None:
    """Read from the run folders how the jobs ended that one of Hydra's launchers ran."""
    for job in plan.jobs:
        folder = RunFolder(plan.place(job))
        if failure := failures.get(job.number):
            job.reason, job.is_mistake = failure.line, failure.is_mistake
            plan.end(job, FAILED, None)
        elif job.state != DONE and folder.config.exists():
            plan.end(job, DONE if folder.read_summary().status == "FINISHED" else STOPPED, None)
