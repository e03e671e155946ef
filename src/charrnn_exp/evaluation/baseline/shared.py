"""The n-gram baseline counted once for all forks of a process."""

import math
import mmap
import os
import select
import signal
import struct
from collections.abc import Callable
from contextlib import suppress

from charrnn_exp.evaluation.baseline.process import NICENESS
from charrnn_exp.machine.lifeline import end_with_parent

NUMBER = struct.Struct("d")
NOT_COUNTED = math.nan


class SharedLoss:
    """A loss that a fork of this process finds; it starts at once, and all later forks may read the result.

    This process must be safe to fork: with one thread.

    Args:
        measure: returns the loss, nats per character.
    """

    def __init__(self, measure: Callable[[], float]) -> None:
        self._loss = mmap.mmap(-1, NUMBER.size)  # of this process and all its forks
        self._loss[:] = NUMBER.pack(NOT_COUNTED)
        self._end, held = os.pipe()  # closed by the end of the process that counts, however that comes
        if not os.fork():
            _become(measure, self._loss)
        os.close(held)

    def find_loss(self, *, wait: bool) -> float | None:
        """Return nats per character; None before the process ends, or if it failed."""
        if wait:
            ended = select.poll()
            ended.register(self._end, 0)  # whatever is asked for, poll tells of the end
            ended.poll()
        loss = float(NUMBER.unpack(self._loss[:])[0])
        return None if math.isnan(loss) else loss

    def stop(self) -> None:
        """Do nothing: the process counts for others, too, and ends with the one that it is a fork of."""


def _become(measure: Callable[[], float], loss: mmap.mmap) -> None:
    """Write the loss and end the process: a fork must not go on in the code that it is a copy of."""
    with suppress(BaseException):
        end_with_parent(signal.SIGKILL)
        os.nice(NICENESS)
        loss[:] = NUMBER.pack(measure())
    os._exit(0)
