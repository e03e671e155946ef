"""The jobs of a sweep as seen by its own process; the parent's side of the process that forks them."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Protocol

from charrnn_exp.errors import MachineError
from charrnn_exp.machine.lifeline import GRACE_SECONDS
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.memory import find_free_bytes
from charrnn_exp.sweeps.request import Request

ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Without these NumPy and Arrow start threads when they are imported, and a process with threads is not forked."""


class Workers(Protocol):
    """The jobs of a sweep as seen by its own process; they end with it, however that ends."""

    def has_cores(self, threads: int) -> bool:
        """Return whether jobs with so many threads in all may run at once."""
        ...

    def has_memory(self, num_bytes: int) -> bool:
        """Return whether there is room for jobs that will take so much."""
        ...

    def start(self, request: Request) -> None:
        """Start a job.

        Raises:
            CharRNNError: if it can run nowhere.
        """
        ...

    def stop(self, job: int | None = None) -> None:
        """Let a job, or all, stop with a checkpoint.

        Args:
            job: its index; None: all.
        """
        ...

    def read(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the events of the jobs; wait some seconds for the first.

        Each has `job`, its index, and `event`: queued, started, step, validated, failed, ended, or lost, for a job
        whose machine has gone.

        Raises:
            MachineError: if no more can come.
        """
        ...


class LocalWorkers:
    """Jobs on this machine, forked by a process that ends with the sweep's own."""

    def __init__(self, *, is_tracked: bool, first: Request | None) -> None:
        command = [sys.executable, "-P", "-m", "charrnn_exp.sweeps.zygote"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # A session of its own: Ctrl-C is for the parent, which passes it on once.
        self._process = subprocess.Popen(command, **pipes, env=os.environ | ENVIRONMENT, start_new_session=True)
        assert self._process.stdout is not None
        self._events, self._unread = self._process.stdout.fileno(), b""
        told = None if first is None else asdict(first)
        self._write(json.dumps({"path": sys.path, "is_tracked": is_tracked, "first": told}) + "\n")

    def has_cores(self, threads: int) -> bool:
        """Return whether this machine has a core a thread."""
        return threads <= count_cores()

    def has_memory(self, num_bytes: int) -> bool:
        """Return whether so much is free."""
        return num_bytes <= find_free_bytes()

    def start(self, request: Request) -> None:
        """Start a job."""
        self._write(request.to_line())

    def stop(self, job: int | None = None) -> None:
        """Let a job, or all, stop with a checkpoint.

        Args:
            job: its index; None: all.
        """
        self._write("stop\n" if job is None else f"stop {job}\n")

    def read(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the events of the jobs; wait some seconds for the first.

        Raises:
            MachineError: if the process that forks them has ended.
        """
        if not select.select([self._events], [], [], seconds)[0]:
            return
        read = os.read(self._events, 1 << 16)
        if not read:
            raise MachineError("the process that starts the jobs of the sweep has ended: start the sweep again.")
        *lines, self._unread = (self._unread + read).split(b"\n")
        for line in lines:
            yield json.loads(line)

    def close(self) -> None:
        """End the jobs that still run."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_SECONDS + 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # `read` tells of it
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


@contextmanager
def start_workers(*, is_tracked: bool, first: Request | None = None) -> Iterator[LocalWorkers]:
    """Start the process that forks jobs; all end with the block.

    Args:
        is_tracked: whether a job is tracked by MLflow, which is imported then.
        first: the first of the new jobs, which is started like the others; None: not known.
    """
    workers = LocalWorkers(is_tracked=is_tracked, first=first)
    try:
        yield workers
    finally:
        workers.close()
