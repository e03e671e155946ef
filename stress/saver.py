"""A process that does nothing but save checkpoints, for others to kill, to starve, to fail.

    python -m stress.saver FOLDER NUM_SAVES

Goes on from the newest whole checkpoint of FOLDER. Writes "begin N" before the save of step N and "done N" after it,
waits for a line on standard input before the first, and ends with the exit code of the program's contract.
"""

import os
import sys
from pathlib import Path

import numpy as np

from charrnn_exp.errors import CharRNNError
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import Snapshot
from charrnn_exp.run_folder.checkpoints import CheckpointStore

NUM_VALUES = 60_000


def make_arrays(step: int) -> tuple[Arrays, Arrays]:
    """Return the weights and the other arrays of a step."""
    values = np.random.default_rng(step).standard_normal(2 * NUM_VALUES).astype(np.float32)
    return {"kernel": values[:NUM_VALUES]}, {"slot": values[NUM_VALUES:], "progress.step": np.asarray(step)}


def open_store(folder: Path) -> CheckpointStore:
    """Return the store in which the saver saves."""
    return CheckpointStore(folder, facts={"model": {"hidden_size": 16}, "optimizer": "adamw"}, num_rolling=2)


def save_one(store: CheckpointStore, step: int) -> None:
    """Save a step: every seventh is kept, every fifth the best so far."""
    weights, training = make_arrays(step)
    best_step = step // 5 * 5
    snapshot = Snapshot(step=step, epoch=0, best_step=best_step, best_val_loss=1.5, weights=weights, training=training)
    store.save(snapshot, kept=step % 7 == 0)


def save_many(folder: Path, num_saves: int, report: int) -> None:
    """Save the next steps, and report the begin and the end of each to a file descriptor."""
    store = open_store(folder)
    last = store.load_newest()[0].step if store.find_all() else 0
    for step in range(last + 1, last + 1 + num_saves):
        os.write(report, f"begin {step}\n".encode())
        save_one(store, step)
        os.write(report, f"done {step}\n".encode())


def main() -> int:
    """Wait for the word, save, end as the program would."""
    save_one(open_store(Path(sys.argv[1] + "_warm")), 1)  # whatever is imported late is imported now
    os.write(1, b"ready\n")
    os.read(0, 1)
    try:
        save_many(Path(sys.argv[1]), int(sys.argv[2]), report=1)
    except CharRNNError as error:
        print("\n".join(error.lines), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
