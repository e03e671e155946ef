"""The download of a run's files from a store, none of it trusted.

Only files that a run has are fetched, under names of our own; a store that lists or sends more than such a file can
have is refused, and so are checkpoints that are not whole.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.files import MAX_BYTES
from charrnn_exp.model.memory import bound_checkpoint_bytes
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.changes import read_changes
from charrnn_exp.run_folder.checkpoint import MANIFEST, TRAINING, WEIGHTS, Checkpoint
from charrnn_exp.run_folder.checkpoints import NAME, CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.mlflow_run import CHANGES_TAG
from charrnn_exp.tracking.stored_run import Listing, StoredRun

MAX_METRICS_BYTES = 1 << 30
"""Largest metrics.jsonl: the rows of five million updates."""
MAX_SAMPLES = 100
SAMPLE = re.compile(r"step_([0-9]{1,18})\.txt")
CHECKPOINTS, SAMPLES = "checkpoints", "samples"


def download_run(stored: StoredRun, path: Path, *, key: str) -> None:
    """Write the files of a stored run that the verbs read into a new folder: settings, symbols, metrics, log, samples
    and checkpoints.

    Of the checkpoints these are the newest and the best, of the samples the newest `MAX_SAMPLES`. The plots stay where
    they are. The training state is left out where the store lacks the changes of settings that it was made with.

    Args:
        stored: the run.
        path: of the folder, which is made.
        key: the word or setting that the run was typed for, for the messages.

    Raises:
        UserError: if the store lacks its settings or its checkpoints.
        MachineError: if the store does not answer, or the files are not those of a run.
        OSError: if the folder cannot be written.
    """
    top, folder = stored.list_folder(""), RunFolder(path)
    for needed in (folder.config.name, folder.vocabulary.name):
        if top.get(needed) is None:
            raise UserError(
                f"{key} must be a run that has sent its files, got {stored.run_id}, of which {stored.store} has no "
                f"{needed}: it has not ended, or another program made it."
            )
    path.mkdir(parents=True)
    files = (folder.config, folder.versions, folder.changes, folder.vocabulary, folder.summary, folder.log)
    _fetch(stored, folder, [file.name for file in files], top, limit=MAX_BYTES)
    _fetch(stored, folder, [folder.metrics.name], top, limit=MAX_METRICS_BYTES)
    config = folder.read_untracked_config()
    if config.sampling.prompt_file is not None:  # a run keeps the text in its place
        raise MachineError(
            f"run {stored.run_id} of {stored.store} must have no sampling.prompt_file, as no run has, got "
            f"{config.sampling.prompt_file!r}: do not use it."
        )
    _fetch_samples(stored, folder, top)
    has_changes = CHANGES_TAG not in stored.tags or folder.changes.exists()
    _fetch_checkpoints(stored, folder, top, (WEIGHTS, TRAINING) if has_changes else (WEIGHTS,), key=key)


def _fetch_checkpoints(stored: StoredRun, folder: RunFolder, top: Listing, names: Sequence[str], *, key: str) -> None:
    """Fetch the newest and the best checkpoint.

    Raises:
        UserError: if there is none.
    """
    listed = stored.list_folder(CHECKPOINTS) if CHECKPOINTS in top else {}
    steps = sorted(name for name, num_bytes in listed.items() if num_bytes is None and NAME.fullmatch(name))
    if not steps:
        values = folder.read_values().get("tracking", {})
        raise UserError(
            f"{key} must be a run whose checkpoints are in MLflow, got {stored.run_id}, of which {stored.store} has "
            f"none: its tracking.log_checkpoints is {values.get('log_checkpoints')}. Ask for its run folder."
        )
    limits = _find_limits(folder)
    # One without a manifest was on its way when the machine of the run went.
    whole = (step for step in reversed(steps) if stored.list_folder(f"{CHECKPOINTS}/{step}").get(MANIFEST) is not None)
    newest = next(whole, steps[-1])
    _fetch_checkpoint(stored, folder, newest, names, limits)
    best = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).best_or_newest().folder.name
    if best in steps and best != newest:
        _fetch_checkpoint(stored, folder, best, names, limits)


def _find_limits(folder: RunFolder) -> dict[str, int]:
    """Return the most bytes that each file of a checkpoint of this run can have."""
    config, num_symbols = folder.read_untracked_config(), len(folder.read_vocabulary())
    changes = read_changes(folder.changes, folder.read_values())
    sizes = [each for c in changes if c.setting == "training.batch_size" for each in (c.old, c.new)]
    of_weights, of_training = bound_checkpoint_bytes(
        resolve(config.model, num_symbols=num_symbols),
        num_symbols=num_symbols,
        batch_size=max([config.training.batch_size, *sizes]),
    )
    return {MANIFEST: MAX_BYTES, WEIGHTS: of_weights, TRAINING: of_training}


def _fetch_checkpoint(
    stored: StoredRun, folder: RunFolder, name: str, names: Sequence[str], limits: dict[str, int]
) -> None:
    """Fetch one checkpoint, and read it, which compares it with its manifest; the training state may be missing."""
    place = f"{CHECKPOINTS}/{name}"
    listed = stored.list_folder(place)
    if listed.get(MANIFEST) is None or listed.get(WEIGHTS) is None:
        raise MachineError(
            f"{stored.store} has not all of {place} of run {stored.run_id}: let its owner run repair, or ask for its "
            "run folder."
        )
    found = [each for each in (MANIFEST, *names) if listed.get(each) is not None]
    for each in found:
        _fetch(stored, folder, [f"{place}/{each}"], {f"{place}/{each}": listed[each]}, limit=limits[each])
    for each in found[1:]:
        Checkpoint(folder.checkpoints / name).read(each)


def _fetch_samples(stored: StoredRun, folder: RunFolder, top: Listing) -> None:
    listed = stored.list_folder(SAMPLES) if SAMPLES in top else {}
    found = sorted((int(match[1]), name) for name in listed if (match := SAMPLE.fullmatch(name)))
    for _, name in found[-MAX_SAMPLES:]:
        _fetch(stored, folder, [f"{SAMPLES}/{name}"], {f"{SAMPLES}/{name}": listed[name]}, limit=MAX_BYTES)


def _fetch(stored: StoredRun, folder: RunFolder, paths: Sequence[str], listed: Listing, *, limit: int) -> None:
    """Fetch the files that are listed, each of exactly as many bytes as its list says.

    Args:
        stored: the run.
        folder: that they are written into.
        paths: in it and in the store, of our own making.
        listed: bytes by path; what is not in it is left out.
        limit: most bytes of each.

    Raises:
        MachineError: if one is larger than such a file can be or than the disk has space, or of another size.
    """
    for path in paths:
        if (num_bytes := listed.get(path)) is None:
            continue
        target, name = folder.path / path, f"{path} of run {stored.run_id} of {stored.store}"
        if not num_bytes <= limit:
            raise MachineError(
                f"{name} must have at most {limit:,} bytes, as such a file of this run can have, got {num_bytes:,}: do "
                "not use it."
            )
        free = shutil.disk_usage(folder.path).free
        if not num_bytes <= free:
            raise MachineError(f"{name} has {num_bytes:,} bytes, and the disk has {free:,}: free some space.")
        target.parent.mkdir(parents=True, exist_ok=True)
        num_received = 0
        with target.open("xb") as file:
            for chunk in stored.read_file(path):
                num_received += len(chunk)
                if num_received > num_bytes:
                    break
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if num_received != num_bytes:
            more = "more than" if num_received > num_bytes else f"{num_received:,} of"
            raise MachineError(f"{name} came with {more} the {num_bytes:,} bytes of its list: run the command again.")
