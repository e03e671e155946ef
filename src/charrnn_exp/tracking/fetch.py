"""Runs of other machines by their MLflow id: fetched once from the store, then read as any run folder."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import redact
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.files import find_path, sync_folder
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.finding import find_run, find_run_by_id
from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.streams import write_note
from charrnn_exp.tracking.download import download_run
from charrnn_exp.tracking.registered import PREFIX, ModelVersion, StoredModel, find_version
from charrnn_exp.tracking.store import DATABASE, MLRUNS, find_uri
from charrnn_exp.tracking.stored_run import StoredRun, find_stored_run

FETCHED = MLRUNS / "fetched"
"""Folder of the fetched runs, by their ids. They are not below outputs/: no `latest` or `best` means them."""
REGISTERED = FETCHED / "registered"
"""Folder of the fetched models that are registered, by the ids of their runs."""
RUN_ID = re.compile(r"[0-9a-f]{32}")


def find_run_anywhere(
    reference: str, read_tracking: Callable[[], TrackingConfig], *, key: str = "run", needs_weights: bool = False
) -> RunFolder:
    """Return the run that a reference names, as `find_run`; a run of the store is fetched by its MLflow id.

    A run below outputs/ with the id wins, then one that was fetched before. A registered model, `models:/NAME@ALIAS` or
    `models:/NAME/VERSION`, is a run with one checkpoint of weights alone; what its name means is asked each time.

    Args:
        reference: as typed.
        read_tracking: returns the settings of the store; called only where it is asked.
        key: the word or setting it was typed for, for the messages.
        needs_weights: as for `find_run`.

    Raises:
        CharRNNError: if there is no such run, or the store does not give it.
    """
    if reference.startswith(PREFIX):
        return _find_registered(reference, read_tracking(), key=key)
    is_id = RUN_ID.fullmatch(reference) is not None and not find_path(reference).is_dir()
    if not is_id or find_run_by_id(reference) is not None:
        return find_run(reference, key=key, needs_weights=needs_weights)
    target = RunFolder(FETCHED / reference)
    if not target.path.is_dir():
        _fetch(reference, read_tracking(), target.path, key=key)
    target.read_values(key=key)
    return target


def find_fetched_id(folder: RunFolder) -> str | None:
    """Return the MLflow id of a fetched run, or of the run of a fetched model; None of any other run."""
    path = folder.path.resolve()
    if path.parent.parent == REGISTERED.resolve():
        path = path.parent
    elif path.parent != FETCHED.resolve():
        return None
    return path.name if RUN_ID.fullmatch(path.name) else None


def _find_registered(address: str, tracking: TrackingConfig, *, key: str) -> RunFolder:
    version = find_version(tracking, address, key=key)
    target = RunFolder(REGISTERED / version.run_id / Path(version.folder).name)
    if not target.path.is_dir():
        _fetch(version.run_id, tracking, target.path, key=key, version=version)
    write_note(f"{address} is version {version.version} of {version.name}, of run {version.run_id}")
    target.read_values(key=key)
    return target


def _fetch(
    run_id: str, tracking: TrackingConfig, target: Path, *, key: str, version: ModelVersion | None = None
) -> None:
    """Download a run, or a model of it, under a temporary name and rename it: it is whole, or not there."""
    stored = find_stored_run(tracking, run_id)
    if stored is None:
        raise UserError(
            f"{key} must be the MLflow id of a run below {OUTPUTS.absolute()} or in {_name_store(tracking)}, got "
            f"{run_id!r}. `{name_program()} list` shows the runs; another store: tracking=server "
            "tracking.uri=http://HOST:5000."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / ".lock"):
            if not target.is_dir():  # another process may have fetched it meanwhile
                _download(stored if version is None else StoredModel(stored, version), target, key=key)
    except OSError as error:
        raise MachineError(
            f"cannot write {target.absolute()} ({error.strerror}): run from a folder you own with space on its disk."
        ) from error


def _download(stored: StoredRun, target: Path, *, key: str) -> None:
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a kill
    try:
        download_run(stored, unfinished, key=key)
        num_bytes = sum(path.stat().st_size for path in unfinished.rglob("*") if path.is_file())
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    sync_folder(target.parent)
    write_note(
        f"run {stored.run_id} is downloaded from {stored.store}, {num_bytes / 1e6:,.1f} MB in {target}; remove that "
        "folder to download it anew."
    )


def _name_store(tracking: TrackingConfig) -> str:
    match tracking.backend:
        case Backend.none:
            return "a store (tracking=none has none)"
        case Backend.server:
            return f"{redact(find_uri(tracking))} that you may read"
        case Backend.local:
            return str(DATABASE.absolute())
