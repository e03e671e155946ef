"""The parent's side of the process that forks the jobs of a sweep."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from charrnn_exp.errors import MachineError
from charrnn_exp.machine.lifeline import GRACE_SECONDS
from charrnn_exp.sweeps.request import Request

ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""Without these NumPy and Arrow start threads when they are imported, and a process with threads is not forked."""


class Workers:
    """The jobs of a sweep as seen by its own process; they end with it, however that ends."""

    def __init__(self, *, is_tracked: bool) -> None:
        command = [sys.executable, "-P", "-m", "charrnn_exp.sweeps.zygote"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # A session of its own: Ctrl-C is for the parent, which passes it on once.
        self._process = subprocess.Popen(command, **pipes, env=os.environ | ENVIRONMENT, start_new_session=True)
        assert self._process.stdout is not None
        self._events, self._unread = self._process.stdout.fileno(), b""
        self._write(json.dumps({"path": sys.path, "is_tracked": is_tracked}) + "\n")

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
def start_workers(*, is_tracked: bool) -> Iterator[Workers]:
    """Start the process that forks jobs; all end with the block.

    Args:
        is_tracked: whether a job is tracked by MLflow, which is imported then.
    """
    workers = Workers(is_tracked=is_tracked)
    try:
        yield workers
    finally:
        workers.close()
