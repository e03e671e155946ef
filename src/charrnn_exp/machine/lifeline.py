"""A process that ends with its parent, however that ends."""

import ctypes
import os
import select
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""
GRACE_SECONDS = 3.0
"""From SIGTERM, which lets a run save a checkpoint, to SIGKILL."""


def end_with_parent(number: int) -> None:
    """Let the system send this process a signal when its parent ends, 0: none any more; only Linux can.

    None is sent of a parent that has ended before.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def is_closed(descriptor: int) -> bool:
    """Return whether nobody can write to a pipe any more, at its end to read from; what was written may be left."""
    closed = select.poll()
    closed.register(descriptor, 0)  # whatever is asked for, poll tells of the end
    return bool(closed.poll(0))


def end_with_pipe(descriptor: int) -> None:
    """End this process once nobody can write to a pipe any more: by SIGTERM, then SIGKILL after `GRACE_SECONDS`.

    Args:
        descriptor: end of the pipe to read from; nothing is read.
    """

    def watch() -> None:
        closed = select.poll()
        closed.register(descriptor, 0)  # whatever is asked for, poll tells of the end
        closed.poll()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
