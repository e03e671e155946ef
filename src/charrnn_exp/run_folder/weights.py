"""The trained weights of a run, for sampling and scoring."""

from collections.abc import Callable
from typing import Any

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import TRAINING, WEIGHTS, Checkpoint
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
    """Return the sampled weights of one of a run's checkpoints; a note on stderr says of which.

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
    match which or ("best" if folder.read_summary().speaks_by_best else "last"):
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
    return weights


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
