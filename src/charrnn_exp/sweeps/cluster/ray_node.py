"""The side of a sweep on Ray that runs where a job does: the job is a process of its own, and its events go back."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import charrnn_exp
from charrnn_exp.errors import CharRNNError, UserError, one_line
from charrnn_exp.files import LockHeldError, hold_lock
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.carried import carry, find_run_id
from charrnn_exp.sweeps.plan import FILE
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.workers import ENVIRONMENT

LOCK_SECONDS = 30.0
"""For an earlier process of the job to end, whose node Ray has given up."""
UNWANTED = ("OMP_NUM_THREADS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
"""Variables that Ray gives its workers, and a job has no use for."""
STOPS = (-signal.SIGTERM, 128 + signal.SIGTERM)
"""Exit codes of a job that was asked to stop."""


class Runner:
    """Runs one job; a Ray actor with the cores of the job.

    Args:
        place: absolute path of the current folder of the sweep's own process.
        version: of this package there.
    """

    def __init__(self, place: str, version: str) -> None:
        self._place, self._version = Path(place), version
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped, self._lock = False, threading.Lock()

    def run(self, line: str) -> Iterator[dict[str, Any]]:
        """Run the job of a request and yield its events, the last of which is `ended`, or `lost` where it may go on."""
        request = Request.from_line(line)
        yield {"job": request.job, "event": "started", "pid": os.getpid()}
        with tempfile.TemporaryDirectory(prefix="charrnn_exp_", ignore_cleanup_errors=True) as own:
            try:
                yield from self._run(request, Path(own))
            except CharRNNError as error:
                is_mistake = isinstance(error, UserError)
                yield {"job": request.job, "event": "failed", "reason": one_line(error), "is_mistake": is_mistake}
                yield {"job": request.job, "event": "ended", "code": error.exit_code}

    def stop(self) -> None:
        """Let the job stop with a checkpoint."""
        with self._lock:
            # Once: a second signal would end it without one.
            if self._process is not None and not self._is_stopped:
                self._process.terminate()
            self._is_stopped = True

    def _run(self, request: Request, own: Path) -> Iterator[dict[str, Any]]:
        """Run the job in the folder of the sweep, or where this machine does not see it, in one of its own.

        Raises:
            CharRNNError: if it cannot run here.
        """
        if charrnn_exp.__version__ != self._version:
            name = os.uname().nodename
            raise UserError(f"node {name} must have charrnn_exp {self._version}, got {charrnn_exp.__version__}.")
        is_shared, place = (self._place / request.log).with_name(FILE).is_file(), self._place
        if not is_shared:
            request, place = carry(request, place, own), own
        wait_for_lock(place / request.folder)
        if RunFolder(place / request.folder).config.exists():  # a file system may have shown it late to the sweep
            request = replace(request, is_resumed=True)
        with self._lock:
            self._process = process = self._spawn(request.to_line(), place)
            if self._is_stopped:
                process.terminate()
        assert process.stdout is not None
        run_id = None
        for event in process.stdout:
            yield json.loads(event)
            if not is_shared and run_id is None:
                run_id = find_run_id(RunFolder(place / request.folder))
                if run_id is not None:
                    yield {"job": request.job, "event": "tracked", "run_id": run_id}
        code = process.wait()
        if code in STOPS and not self._is_stopped:
            yield {"job": request.job, "event": "lost", "reason": "its machine stopped it"}
        else:
            yield {"job": request.job, "event": "ended", "code": code}

    def _spawn(self, line: str, place: Path) -> "subprocess.Popen[bytes]":
        environment = {key: value for key, value in os.environ.items() if key not in UNWANTED} | ENVIRONMENT
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "charrnn_exp.sweeps.zygote", "fresh"],
            cwd=place,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(line.encode())
        process.stdin.flush()  # it stays open: the job ends when nobody can write to it any more
        return process


def wait_for_lock(folder: Path, seconds: float = LOCK_SECONDS) -> None:
    """Wait until no process works on a run; in vain, the job itself tells who does."""
    until = time.monotonic() + seconds
    while (folder / ".lock").exists() and time.monotonic() < until:
        try:
            with hold_lock(folder / ".lock"):
                return
        except LockHeldError:
            time.sleep(0.2)
