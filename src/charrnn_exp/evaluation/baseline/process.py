"""The n-gram baseline, computed in a second process while the model trains: a thread would hold the GIL for seconds.

    python -m charrnn_exp.evaluation.baseline.process NUM_SYMBOLS [LINE_BREAK] < TRAIN_AND_VAL

reads two arrays of ids and the starts of the parts of the second, in NumPy's `.npy` format, from standard input and
prints the loss.

Axes: n character.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import numpy as np

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss
from charrnn_exp.machine.lifeline import end_with_parent

NICENESS = 10
"""Scheduling priority of the process: below the training."""


class BaselineProcess:
    """A process that computes the n-gram loss; it starts at once, and the result is read later.

    Args:
        train_n: ids of the training text.
        val_n: ids of the validation text, at least two.
        starts: index of the first character of each of its parts.
        num_symbols: size of the vocabulary.
        line_break: see `measure_ngram_loss`.
    """

    def __init__(
        self, train_n: Ids, val_n: Ids, starts: Sequence[int], *, num_symbols: int, line_break: int | None = None
    ) -> None:
        with tempfile.TemporaryFile() as file:
            for array in (train_n, val_n, np.array(starts)):
                np.save(file, array, allow_pickle=False)
            file.seek(0)
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    __name__,
                    str(num_symbols),
                    *([] if line_break is None else [str(line_break)]),
                ],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the training
            )
        self._loss: float | None = None
        self._is_read = False

    def find_loss(self, *, wait: bool) -> float | None:
        """Return nats per character; None before the process ends, or if it ran out of memory."""
        if not self._is_read and (wait or self._process.poll() is not None):
            printed = self._process.communicate()[0]
            self._loss, self._is_read = float(printed) if printed else None, True
        return self._loss

    def stop(self) -> None:
        """Kill the process; a loss that it had printed by then can still be read."""
        self._process.kill()
        self.find_loss(wait=True)


def main() -> None:
    """Print the n-gram loss of the two texts on standard input."""
    os.nice(NICENESS)
    end_with_parent(signal.SIGKILL)
    train_n, val_n, starts = (np.load(sys.stdin.buffer, allow_pickle=False) for _ in range(3))
    num_symbols, line_break = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None
    print(measure_ngram_loss(train_n, val_n, starts, num_symbols=num_symbols, line_break=line_break))


if __name__ == "__main__":
    main()
