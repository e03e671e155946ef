"""The trained weights of a run, for sampling and scoring."""

from collections.abc import Callable
from typing import Any

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder


def read_trained_weights(
    folder: RunFolder, which: str, *, facts: dict[str, Any], warn: Callable[[str], None]
) -> Arrays:
    """Return the sampled weights of the newest whole checkpoint or of the best one.

    Args:
        folder: of the run.
        which: last or best, as typed.
        facts: that the checkpoint must have, see `CheckpointStore`.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        UserError: if `which` is neither, or the checkpoint has other facts.
        MachineError: if there is no whole checkpoint.
    """
    store = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=1)
    if not store.find_all():
        raise MachineError(f"run {folder.path} has no checkpoint: resume it first.")
    match which:
        case "last":
            checkpoint, weights, _, warnings = store.load_newest()
            store.check_facts(checkpoint)
            for line in warnings:
                warn(line)
            return weights
        case "best":
            checkpoint = store.best_or_newest()
            store.check_facts(checkpoint)
            return checkpoint.read(WEIGHTS)
        case _:
            raise UserError(f"checkpoint must be last or best, got {which!r}.")
