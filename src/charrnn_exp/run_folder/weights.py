"""The trained weights of a run, for sampling and scoring."""

import contextlib
from collections.abc import Callable
from typing import Any

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import MANIFEST, TRAINING, WEIGHTS, Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.streams import write_note


def read_trained_weights(
    folder: RunFolder,
    which: str | None,
    *,
    facts: dict[str, Any],
    warn: Callable[[str], None],
) -> Arrays:
    """Return the sampled weights of one of a run's checkpoints, see `read_trained_checkpoint`."""
    return read_trained_checkpoint(folder, which, facts=facts, warn=warn)[1]


def read_trained_checkpoint(
    folder: RunFolder, which: str | None, *, facts: dict[str, Any], warn: Callable[[str], None]
) -> tuple[Checkpoint, Arrays]:
    """Return one of a run's checkpoints and its sampled weights; a note on stderr says which.

    Args:
        folder: of the run.
        which: last or best, as typed; None: best if early stopping ended the run, else last.
        facts: that the checkpoint must have, see `CheckpointStore`.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        UserError: if `which` is neither, or the checkpoint has other facts.
        MachineError: if there is no whole checkpoint.
    """
    store = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=1)
    if not store.find_all() and not store.find_hidden():
        raise MachineError(f"run {folder.path} has no checkpoint: resume it first.")
    if which is None:
        which = "best" if folder.read_summary().speaks_by_best else "last"
    match which:
        case "last":
            checkpoint, weights, warnings = _read_newest(store)
            store.check_facts(checkpoint)
            for line in warnings:
                warn(line)
        case "best":
            checkpoint = store.best_or_newest()
            store.check_facts(checkpoint)
            weights = checkpoint.read(WEIGHTS)
        case _:
            raise UserError(f"checkpoint must be last or best, got {which!r}.")
    write_note(f"run {folder.path}, checkpoint {checkpoint.folder.name}{_describe_best(checkpoint)}")
    return checkpoint, weights


def read_weights_by_hash(folder: RunFolder, sha256: str, *, facts: dict[str, Any]) -> Arrays | None:
    """Return the weights of a run's checkpoint whose `weights.npz` has this sha256; None: it has none.

    Args:
        folder: of the run.
        sha256: as the manifest of the checkpoint has it.
        facts: that the checkpoint must have, see `CheckpointStore`.

    Raises:
        UserError: if the checkpoint has other facts.
        MachineError: if its arrays are damaged.
    """
    store = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=1)
    for checkpoint in sorted([*store.find_all(), *store.find_hidden()], key=lambda each: each.step, reverse=True):
        with contextlib.suppress(MachineError):  # a damaged one is not the one that is looked for
            if find_weights_hash(checkpoint) != sha256:
                continue
            store.check_facts(checkpoint)
            write_note(f"run {folder.path}, checkpoint {checkpoint.folder.name}")
            return checkpoint.read(WEIGHTS)
    return None


def find_weights_hash(checkpoint: Checkpoint) -> str:
    """Return the sha256 of a checkpoint's `weights.npz`, as its manifest has it.

    Raises:
        MachineError: if the manifest is damaged.
    """
    files = checkpoint.read_manifest().get("files")
    found = files.get(WEIGHTS) if isinstance(files, dict) else None
    if not isinstance(found, dict) or type(found.get("sha256")) is not str:
        raise MachineError(f"{checkpoint.folder / MANIFEST} does not describe {WEIGHTS}: it is damaged.")
    return str(found["sha256"])


def _read_newest(store: CheckpointStore) -> tuple[Checkpoint, Arrays, list[str]]:
    """Return the newest whole checkpoint, its weights, and a line for each damaged one skipped."""
    found = sorted([*store.find_all(), *store.find_hidden()], key=lambda each: each.step)
    newest = found[-1]
    if not (newest.folder / TRAINING).exists():  # somebody keeps the weights alone
        return newest, newest.read(WEIGHTS), []
    checkpoint, weights, _, warnings = store.read_newest(found)
    return checkpoint, weights, warnings


def _describe_best(checkpoint: Checkpoint) -> str:
    """Return what the checkpoint knows of the lowest validation loss, in brackets."""
    manifest = checkpoint.read_manifest()
    step, loss = manifest.get("best_step"), manifest.get("best_val_loss")
    if step is None or loss is None:
        return " (not validated)"
    if step == checkpoint.step:
        return f" (val_loss {loss:.4f}, the lowest of the run)"
    return f" (lowest val_loss {loss:.4f} at step {step:,}: checkpoint=best)"
