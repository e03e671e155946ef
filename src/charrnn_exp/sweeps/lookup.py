"""Runs below outputs/ that a job of a sweep need not make again, or may go on with."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from charrnn_exp.errors import CharRNNError
from charrnn_exp.files import LockHeldError, hold_lock
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.resume_point import find_resume_point


@dataclass(frozen=True)
class Found:
    """An earlier run of a job.

    Args:
        folder: of the run.
        is_done: whether it is finished and whole; else it goes on from its checkpoint.
    """

    folder: RunFolder
    is_done: bool


def find_earlier(hashes: Collection[str]) -> dict[str, Found]:
    """Return the finished runs of jobs by their hashes, and runs that were stopped or killed where there is none.

    A run that failed, is damaged or in use is left aside: its job runs anew.
    """
    found: dict[str, Found] = {}
    for folder in list_runs():
        with suppress(CharRNNError, OSError):
            summary = folder.read_summary()
            key = summary.job_hash
            if key is None or key not in hashes or (key in found and found[key].is_done):
                continue
            if summary.status == "FINISHED":
                if _is_whole(folder):
                    found[key] = Found(folder, is_done=True)
            elif summary.status in ("RUNNING", "KILLED") and _can_go_on(folder):
                found[key] = Found(folder, is_done=False)
    return found


def _is_whole(folder: RunFolder) -> bool:
    """Return whether the newest checkpoint is there to the last byte."""
    checkpoints = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    return bool(checkpoints) and bool(checkpoints[-1].read(WEIGHTS))


def _can_go_on(folder: RunFolder) -> bool:
    """Return whether the run is nobody's and has a checkpoint that did not diverge."""
    with suppress(LockHeldError), hold_lock(folder.lock_file):
        point = find_resume_point(CheckpointStore(folder.checkpoints, facts={}, num_rolling=1))
        return point.diverged_after is None
    return False
