"""Which run a reference means: `latest`, `best`, a run folder, or an MLflow id."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.files import find_path
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.best import find_best
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.streams import write_note

BEST = "best"
START = re.compile(r"(\d{4}-\d\d-\d\d)/(\d\d-\d\d-\d\d)(?:-(\d{6}))?(?:/(\d+))?$")
"""Date, time and number of the job in the path of a run, as `make_run_folder` and conf/config.yaml name it."""


def find_run(reference: str, *, key: str = "run", needs_weights: bool = False) -> RunFolder:
    """Return the run that a reference names; the choice of `best` is told on standard error.

    Args:
        reference: as typed: `latest` (the run worked on last), `best` or `best:NAME` (the lowest validation loss),
            a run folder, or the MLflow id of a run below outputs/.
        key: the word or setting it was typed for, for the messages.
        needs_weights: whether `latest` passes over runs without a checkpoint, and says so.

    Raises:
        UserError: if there is no such run, or `best` would compare runs of several texts or splits.
    """
    if reference == "latest":
        return _find_latest(key, needs_weights=needs_weights)
    with suppress(OSError, ValueError, RuntimeError):  # a name that no file system has, a user whom nobody knows
        path = find_path(reference)
        if path.is_dir():
            folder = RunFolder(path)
            folder.read_values(key=key)
            return folder
    if reference.partition(":")[0] == BEST:
        return find_best(list_runs(), reference, key=key)
    if (found := find_run_by_id(reference)) is not None:
        return found
    raise UserError(
        f"{key} must be 'latest', 'best', 'best:NAME', a run folder, or the MLflow id of a run below "
        f"{OUTPUTS.absolute()}, got {reference!r}. `{name_program()} list` shows the runs."
    )


def find_run_by_id(run_id: str) -> RunFolder | None:
    """Return the run below outputs/ that has this MLflow id; None where none has it."""
    for run in list_runs():
        with suppress(MachineError):  # a damaged one is not the one that is looked for
            if run_id in (run.read_tracking().get("run_id"), run.read_summary().run_id):
                return run
    return None


def list_runs() -> list[RunFolder]:
    """Return the runs below outputs/, the one worked on last at the end.

    A run is worked on by the session that made it and by each that resumes it. The jobs of a sweep that were not
    resumed follow each other by their numbers, whichever of them a parallel launcher began first.
    """
    works = [_find_work(RunFolder(path)) for path in find_run_folders(OUTPUTS)]
    sweeps: dict[Path, float] = {}
    for work in works:
        if work.sweep is not None:
            sweeps[work.sweep] = max(work.time, sweeps.get(work.sweep, 0.0))

    def place(work: "_Work") -> tuple[float, int, str]:
        time = work.time if work.sweep is None else sweeps[work.sweep]
        return time, work.number, str(work.run.path)

    return [work.run for work in sorted(works, key=place)]


def find_run_folders(folder: Path) -> Iterator[Path]:
    """Yield the run folders below a folder; what lies in a run folder is not looked at."""
    for parent, folders, files in os.walk(folder):
        if "config.yaml" in files:
            folders.clear()
            yield Path(parent)


@dataclass(frozen=True)
class _Work:
    """When a run was worked on last.

    Args:
        run: its folder.
        time: Unix time at which its last session began; of an older run, of its newest checkpoint.
        number: of the job in a sweep; -1: it is none.
        sweep: folder of the sweep, where the run had one session alone; None: it stands by its own time.
    """

    run: RunFolder
    time: float
    number: int
    sweep: Path | None


def _find_latest(key: str, *, needs_weights: bool) -> RunFolder:
    runs = list_runs()
    if not runs:
        raise UserError(
            f"{key} must be a run folder, got 'latest', but there is no run below {OUTPUTS.absolute()}. "
            f"`{name_program()}` makes the first."
        )
    if not needs_weights:
        return runs[-1]
    for run in reversed(runs):
        if CheckpointStore(run.checkpoints, facts={}, num_rolling=1).find_all():
            return run
        write_note(f"passed over {run.path}, which has no checkpoint yet.")
    raise UserError(
        f"{key} must be a run with a checkpoint, got 'latest', but none of the {len(runs)} runs below "
        f"{OUTPUTS.absolute()} has one. Go on with the last: {name_program()} resume run={runs[-1].path}"
    )


def _find_work(run: RunFolder) -> _Work:
    """Read the time from the run folder itself: the clock of a copied file tells when it was copied."""
    found, summary = START.search(run.path.as_posix()), Summary()
    number = int(found[4]) if found is not None and found[4] else -1
    with suppress(MachineError):
        summary = run.read_summary()
    if summary.session_began is not None:
        is_job = number >= 0 and summary.num_sessions == 1
        return _Work(run, summary.session_began, number, run.path.parent if is_job else None)
    written = _read_time_of_checkpoint(run)
    if written is None and found is not None:
        with suppress(ValueError):
            written = datetime.strptime(f"{found[1]} {found[2]} {found[3] or 0}", "%Y-%m-%d %H-%M-%S %f").timestamp()
    return _Work(run, run.config.stat().st_mtime if written is None else written, number, None)


def _read_time_of_checkpoint(run: RunFolder) -> float | None:
    """Return the Unix time of the newest readable checkpoint; None where there is none."""
    with suppress(OSError):
        for checkpoint in reversed(CheckpointStore(run.checkpoints, facts={}, num_rolling=1).find_all()):
            with suppress(MachineError, KeyError, TypeError, ValueError):
                return datetime.strptime(checkpoint.read_manifest()["written"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    return None
