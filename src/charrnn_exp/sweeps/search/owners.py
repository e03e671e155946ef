"""The processes that work on a study, and whether each is still there.

A process is known by its machine, number and start. On its own machine it is looked up; from another one its counter in
the study is watched, so that no two clocks are compared.
"""

import functools
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import optuna
import psutil

BEAT_SECONDS = 10.0
"""From one count to the next."""
DEAD_SECONDS = 60.0
"""Without a count, after which a process of another machine is dead."""
BEATS = "beats of "
"""Start of a study's attribute with a process' counter."""


class Owners:
    """The processes of a study as one of them sees them.

    Args:
        study: that all work on.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study, self._beats, self._beat_at = study, 0, -BEAT_SECONDS
        self._seen: dict[str, tuple[object, float]] = {}
        self._alive: set[str] = set()

    def beat(self) -> None:
        """Tell others, every `BEAT_SECONDS`, that this process is there."""
        if time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beats, self._beat_at = self._beats + 1, time.monotonic()
            self._study.set_user_attr(BEATS + name_this(), self._beats)

    def is_dead(self, owner: str) -> bool:
        """Return whether a process is known to have ended."""
        machine, _, rest = owner.partition("|")
        if machine == name_machine() and rest:
            return not _is_running(*rest.split("|"))
        count = self._study.user_attrs.get(BEATS + owner)
        before, since = self._seen.setdefault(owner, (count, time.monotonic()))
        if count != before:
            self._alive.add(owner)
            self._seen[owner] = (count, time.monotonic())
            return False
        return time.monotonic() - since > DEAD_SECONDS

    def is_alive(self, owner: str) -> bool:
        """Return whether a process is known to be there; it may be neither dead nor alive while it is watched."""
        machine, _, rest = owner.partition("|")
        return owner in self._alive or (machine == name_machine() and bool(rest) and not self.is_dead(owner))


@functools.cache
def name_this() -> str:
    """Return the name of this process: machine, number and start."""
    return f"{name_machine()}|{os.getpid()}|{_find_start(os.getpid())}"


@functools.cache
def name_machine() -> str:
    """Return the name of this machine; a container is one of its own."""
    found = [socket.gethostname()]
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(found)


def _is_running(number: str, start: str) -> bool:
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(int(number))
        return _find_start(process.pid) == start and process.status() != psutil.STATUS_ZOMBIE
    return False


def _find_start(pid: int) -> str:
    """Return the start of a process; on Linux in ticks since the boot, which no change of the clock moves."""
    if sys.platform == "linux":
        with suppress(OSError):
            # Field 22 of proc(5); the second, in brackets, may have blanks.
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return str(psutil.Process(pid).create_time())
