"""The process that ends a sweep's own Ray after the sweep was killed: Ray's agents look for their cluster for a minute.

    python -P -m charrnn_exp.sweeps.cluster.ray_reaper

is a child of the process of the sweep and holds the end of a pipe that only that process writes to.
"""

import os
import select
from contextlib import suppress

import psutil

LOOK_SECONDS = 5.0
"""From one look at the processes of Ray to the next."""
GRACE_SECONDS = 4.0
"""For jobs to save a checkpoint, and for the others to end by themselves."""


def main() -> None:
    """Remember all that the parent has started, and end what is left of it after the end of the pipe."""
    family: set[psutil.Process] = set()
    parent, own = psutil.Process(os.getppid()), psutil.Process()
    while True:
        with suppress(psutil.Error):
            family |= set(parent.children(recursive=True)) - {own}
        if select.select([0], [], [], LOOK_SECONDS)[0]:
            break
    _, alive = psutil.wait_procs(list(family), timeout=GRACE_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    main()
