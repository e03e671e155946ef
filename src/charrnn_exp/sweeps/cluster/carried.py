"""Runs of machines that do not see the folder of the sweep: the tracking server carries them."""

import copy
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from charrnn_exp.config.choices import Backend, LogCheckpoints
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import CharRNNError, MachineError, UserError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.request import Request
from charrnn_exp.tracking.download import download_run
from charrnn_exp.tracking.mlflow_run import KEY_TAG
from charrnn_exp.tracking.stored_run import find_stored_run


def read_tracking(request: Request) -> TrackingConfig:
    """Return the settings of the store of a job."""
    return read_config(request.settings).tracking


def carry(request: Request, place: Path, there: Path) -> Request:
    """Return the request of a job for a folder that this machine has alone; a run that goes on is fetched into it.

    Args:
        request: of the job.
        place: current folder of the sweep's own process, to which the text's path is relative.
        there: folder to work in.

    Raises:
        CharRNNError: if no tracking server holds the run, or it does not answer.
    """
    tracking = read_tracking(request)
    if tracking.backend is not Backend.server:
        raise UserError(
            f"the folder of the sweep must lie where all machines see it, got {place}, which {os.uname().nodename} has "
            f"not. Without such a folder: tracking=server, got tracking={tracking.backend.name}."
        )
    (there / request.log).parent.mkdir(parents=True)
    folder = RunFolder(there / request.folder)
    is_resumed = request.run_id is not None and fetch_into(folder, tracking, request.run_id, is_complete=False)
    settings = copy.deepcopy(request.settings)
    settings["tracking"]["log_checkpoints"] = LogCheckpoints.each.name
    for key in ("path", "val_path", "test_path"):
        settings["dataset"][key] = _make_absolute(settings["dataset"][key], place)
    return replace(request, settings=settings, is_resumed=is_resumed)


def fetch_into(folder: RunFolder, tracking: TrackingConfig, run_id: str, *, is_complete: bool) -> bool:
    """Fetch a run of ours from the tracking server into its folder, where it goes on as the same MLflow run.

    Args:
        folder: of the run; files that it has already are replaced.
        tracking: settings of the store.
        run_id: of the MLflow run.
        is_complete: whether the store has all of it.

    Returns:
        Whether the store has a checkpoint of it.

    Raises:
        MachineError: if the store does not answer, or the disk has no room.
    """
    stored = find_stored_run(tracking, run_id)
    unfinished = RunFolder(folder.path.with_name(f".{folder.path.name}.unfinished"))
    shutil.rmtree(unfinished.path, ignore_errors=True)
    try:
        if stored is None:
            return False
        with suppress(UserError):  # it was lost before its first checkpoint
            download_run(stored, unfinished.path, key="run")
            tags = {KEY_TAG: stored.tags[KEY_TAG]} if KEY_TAG in stored.tags else {}
            record = {"run_id": run_id, "name": unfinished.read_summary().name or "", "tags": tags}
            unfinished.write_tracking({**record, "complete": is_complete})
            shutil.copytree(unfinished.path, folder.path, dirs_exist_ok=True)
            return True
        return False
    except OSError as error:
        raise MachineError(f"cannot write {folder.path.absolute()} ({error.strerror}).") from error
    finally:
        shutil.rmtree(unfinished.path, ignore_errors=True)


def find_run_id(folder: RunFolder) -> str | None:
    """Return the id of the MLflow run of a folder; None: it has none yet."""
    with suppress(CharRNNError, OSError):
        run_id = folder.read_tracking().get("run_id")
        return run_id if isinstance(run_id, str) else None
    return None


def _make_absolute(paths: Any, place: Path) -> Any:
    """Return the path of a text, or each of several, as it is on the machine of the sweep's own process."""
    match paths:
        case list():
            return [_make_absolute(path, place) for path in paths]
        case str() if not paths.startswith("~"):
            return os.path.join(place, paths)
        case _:
            return paths
