"""Runs below outputs/ that a job of a sweep need not make again, or may go on with."""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from charrnn_exp.errors import CharRNNError, MachineError
from charrnn_exp.files import LockHeldError, hold_lock
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.resume_point import find_resume_point

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Found:
    """An earlier run of a job.

    Args:
        folder: of the run.
        is_done: whether it is finished and whole; else it goes on from its checkpoint.
    """

    folder: RunFolder
    is_done: bool


def find_earlier(
    hashes: Collection[str],
    *,
    folders: Iterable[RunFolder] | None = None,
    wait_seconds: float = 0.0,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Found]:
    """Return the finished runs of jobs by their hashes, and runs that were stopped or killed where there is none.

    A run that failed, is damaged or in use is left aside: its job runs anew.

    Args:
        hashes: of the jobs.
        folders: of the runs that are looked at; None: all below outputs/.
        wait_seconds: to wait for runs in use: those of a sweep that was killed end some seconds after it. None that is
            in use then is left aside.
        tell: gets a line before it waits.

    Raises:
        MachineError: if a run is in use after the waiting.
    """
    until, has_told = time.monotonic() + wait_seconds, False
    while True:
        found, busy = _look_up(hashes, folders)
        if not busy or not wait_seconds:
            return found
        if time.monotonic() >= until:
            raise MachineError(
                f"another process runs jobs of this sweep ({len(busy)}, the first in {busy[0]}): wait for its end, "
                "or stop it. sweep.rerun=true runs all jobs anew."
            )
        if not has_told:
            has_told = True
            tell(f"waiting up to {wait_seconds:.0f} s for jobs that another process still runs: {', '.join(busy)}")
        time.sleep(LOOK_SECONDS)


def _look_up(hashes: Collection[str], folders: Iterable[RunFolder] | None) -> tuple[dict[str, Found], list[str]]:
    """Return what is found, and the folders of wanted runs that another process is at."""
    found: dict[str, Found] = {}
    busy: dict[str, str] = {}
    for folder in list_runs() if folders is None else folders:
        with suppress(CharRNNError, OSError):
            summary = folder.read_summary()
            key = summary.job_hash
            if key is None or key not in hashes or (key in found and found[key].is_done):
                continue
            if summary.status == "FINISHED":
                if _is_whole(folder):
                    found[key] = Found(folder, is_done=True)
            elif summary.status in ("RUNNING", "KILLED"):
                try:
                    if _can_go_on(folder):
                        found[key] = Found(folder, is_done=False)
                except LockHeldError:
                    busy[key] = str(folder.path)
    return found, [path for key, path in busy.items() if key not in found]


def _is_whole(folder: RunFolder) -> bool:
    """Return whether the newest checkpoint is there to the last byte."""
    checkpoints = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    return bool(checkpoints) and bool(checkpoints[-1].read(WEIGHTS))


def _can_go_on(folder: RunFolder) -> bool:
    """Return whether the run has a checkpoint that did not diverge.

    Raises:
        LockHeldError: if another process is at it.
    """
    with hold_lock(folder.lock_file):
        pass  # held no longer: whoever goes on with the run meanwhile must find it free
    point = find_resume_point(CheckpointStore(folder.checkpoints, facts={}, num_rolling=1))
    return point.diverged_after is None
