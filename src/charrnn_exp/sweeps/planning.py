"""How the plan of a sweep is made: its jobs checked, what earlier runs have done of them, and its folder."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from charrnn_exp.config.compose import Composed
from charrnn_exp.config.overrides import find_swept_keys, name_run
from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import Config, TrainingConfig
from charrnn_exp.errors import UserError
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Prepared
from charrnn_exp.experiment.prepare import check_inputs
from charrnn_exp.experiment.shared_inputs import SharedInputs, read_shared_inputs
from charrnn_exp.model.memory import estimate_bytes
from charrnn_exp.model.size import SizedModel
from charrnn_exp.model.threads import Workers, choose_workers_in_sweep
from charrnn_exp.run_folder.folder import OUTPUTS, make_run_folder
from charrnn_exp.sweeps.lookup import Found, find_earlier
from charrnn_exp.sweeps.plan import DONE, FILE, WAITING, Plan, PlannedJob, StoredPlan
from charrnn_exp.tracking.access import probe_server
from charrnn_exp.views.terminal import Terminal

Choose = Callable[[SizedModel, TrainingConfig], Workers]
"""Gives the threads and parts of a job."""


def plan_sweep(
    words: Sequence[str],
    composed: Sequence[Composed],
    *,
    config_dir: Path | None,
    choose: Choose,
) -> tuple[Plan, SharedInputs]:
    """Check the inputs of all jobs and return their plan, in a new folder that is not made; nothing is looked up.

    Args:
        words: overrides of the sweep.
        composed: its jobs.
        config_dir: the user's own folder of YAML groups.
        choose: gives the threads and parts of a job.

    Raises:
        UserError: if an input does not fit.
    """
    configs = [job.config for job in composed]
    if any(config.sweep != configs[0].sweep for config in configs):
        raise UserError("sweep must have the same settings in all jobs, got several. It is of the sweep, not of a job.")
    inputs, swept = read_shared_inputs(configs), find_swept_keys(words)
    folder = make_run_folder(configs[0].name, datetime.now()).path
    planned: dict[int, PlannedJob] = {}

    def look(i: int, prepared: Prepared) -> None:
        name = configs[i].tracking.run_name or name_run(composed[i].words, swept)
        planned[i] = plan_job(prepared, i, str(folder / str(i)), name, choose)

    check_inputs([inputs.put_into(config) for config in configs], look)
    plan = Plan(folder, words, None if config_dir is None else str(config_dir), [planned[i] for i in sorted(planned)])
    return plan, inputs


def plan_job(
    prepared: Prepared,
    number: int,
    folder: str,
    name: str,
    choose: Choose = choose_workers_in_sweep,
) -> PlannedJob:
    """Return a job that waits.

    Args:
        prepared: its inputs.
        number: of the job in its plan.
        folder: of its run.
        name: the settings that vary.
        choose: gives the threads and parts of the job.
    """
    training = prepared.config.training
    workers = choose(prepared.model, training)
    training = replace(training, **workers._asdict())
    num_steps = prepared.text.plan.count_steps(training)
    return PlannedJob(
        number=number,
        hash=hash_job(prepared, threads=workers.threads, parts=workers.parts),
        folder=folder,
        is_resumed=False,
        name=name,
        settings=to_values(replace(prepared.config, training=training)),
        threads=workers.cores,
        num_bytes=estimate_bytes(prepared.model, training, num_symbols=len(prepared.text.corpus.vocabulary)),
        num_characters=num_steps * training.batch_size * training.sequence_length,
    )


def probe_servers(configs: Sequence[Config]) -> None:
    """Check that the tracking servers of all jobs let us write, before the first job starts.

    Raises:
        MachineError: if one refuses access.
    """
    for tracking in {(each.tracking.uri, each.tracking.experiment_name): each.tracking for each in configs}.values():
        probe_server(tracking)


def take_earlier(plan: Plan, terminal: Terminal, *, wait_seconds: float = 0.0) -> dict[str, Found]:
    """Let the jobs that are done stand, and those that were stopped go on where they are; return them by hash.

    Raises:
        MachineError: as for `find_earlier`.
    """
    hashes, taken = {job.hash for job in plan.jobs}, set[str]()
    found = find_earlier(hashes, wait_seconds=wait_seconds, tell=terminal.say)
    for job in plan.jobs:
        if (earlier := found.get(job.hash)) is not None and (earlier.is_done or job.hash not in taken):
            taken.add(job.hash)  # a run goes on once, also where two jobs differ in names alone
            job.folder, job.is_resumed = str(earlier.folder.path), not earlier.is_done
            job.state = DONE if earlier.is_done else WAITING
    if done := [job for job in plan.jobs if job.state == DONE]:
        places = dict.fromkeys(str(plan.place(job).parent) for job in done)
        where = ", ".join(places)
        terminal.say(f"{len(done)} of {len(plan.jobs)} jobs are done: {where} (sweep.rerun=true runs them again)")
    if on := [job for job in plan.jobs if job.is_resumed]:
        terminal.say(f"{len(on)} jobs go on from their checkpoints: {', '.join(job.folder for job in on)}")
    return found


def find_plan(plan: Plan) -> Plan:
    """Return the plan in the folder of the newest sweep of the same jobs, with their attempts; else as it is.

    A job that begins anew gets a folder of its own there.
    """
    stored = next(_find_stored([job.hash for job in plan.jobs]), None)
    if stored is None:
        return plan
    taken = {int(path.name) for path in stored.folder.iterdir() if path.name.isdecimal()}
    for job, attempts in zip(plan.jobs, stored.attempts, strict=True):
        job.attempts = attempts
        if job.state != DONE and not job.is_resumed:
            number = job.number if job.number not in taken else max(len(plan.jobs) - 1, *taken) + 1
            taken.add(number)
            job.folder = str(stored.folder / str(number))
    return replace(plan, folder=stored.folder)


def _find_stored(hashes: list[str]) -> Iterator[StoredPlan]:
    for path in sorted(OUTPUTS.glob(f"*/*/*/{FILE}"), key=lambda path: path.parent.parts[-2:], reverse=True):
        with suppress(UserError):
            stored = StoredPlan.read(path.parent)
            if stored.hashes == hashes:
                yield stored
