"""The n-gram floor, counted beside the training by a process of its own: a thread would hold Python's lock for seconds.

    python -m charrnn_exp.evaluation.baseline.process NUM_SYMBOLS < TRAIN_AND_VAL

reads two arrays of ids as NumPy saves them and prints the loss.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss

NICENESS = 10
"""The training goes first."""


class FloorCounter:
    """Counts from the start; ask for the result later.

    Args:
        train_n: see `measure_ngram_loss`.
        val_n: see there.
        num_symbols: see there.
    """

    def __init__(self, train_n: Ids, val_n: Ids, *, num_symbols: int) -> None:
        with tempfile.TemporaryFile() as file:
            for ids_n in (train_n, val_n):
                np.save(file, ids_n, allow_pickle=False)
            file.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(num_symbols)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the training
            )
        self._loss: float | None = None
        self._is_read = False

    def find_loss(self, *, wait: bool) -> float | None:
        """Return nats per character; None while it is not known, or if memory did not suffice."""
        if not self._is_read and (wait or self._process.poll() is not None):
            printed = self._process.communicate()[0]
            self._loss, self._is_read = float(printed) if printed else None, True
        return self._loss

    def stop(self) -> None:
        """Count no further."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Count what standard input holds."""
    os.nice(NICENESS)
    train_n, val_n = (np.load(sys.stdin.buffer, allow_pickle=False) for _ in range(2))
    print(measure_ngram_loss(train_n, val_n, num_symbols=int(sys.argv[1])))


if __name__ == "__main__":
    main()
