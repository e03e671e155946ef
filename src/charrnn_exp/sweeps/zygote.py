"""The process that forks the jobs of a sweep: TensorFlow is imported once, and nothing of it is started.

    python -P -m charrnn_exp.sweeps.zygote

reads a line with the module search path, whether jobs are tracked and the first `Request`, then a `Request` a line, or
the word stop, alone or with the index of a job, from standard input. Standard output gets a line of JSON for each event
of a job: started, step, validated, failed, ended.

Where a fork is not safe (no Linux, or a library has started a thread or opened a socket), a job gets a fresh process:
the same program with the word `fresh`, whose request stands in a file, or without one in a line of standard input.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from charrnn_exp.config.choices import Backend
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.resume import resume_run
from charrnn_exp.experiment.shared_text import SharedText, SharedTexts
from charrnn_exp.machine.compiled import compiled_functions_in
from charrnn_exp.machine.lifeline import GRACE_SECONDS, end_with_parent, end_with_pipe, is_closed
from charrnn_exp.machine.tensorflow import count_cores, preload_tensorflow
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.streams import escape_line, write_error
from charrnn_exp.sweeps.request import Request
from charrnn_exp.tracking.store import preload_client
from charrnn_exp.views.curves import preload_matplotlib
from charrnn_exp.views.terminal import Terminal

MAX_REASON = 300
"""Characters of a reason, of up to 12 bytes as JSON: a line shorter than a page of 4096 goes through a pipe in one
piece, whoever else writes."""
REPORT_SECONDS = 0.5
WAIT_SECONDS = 0.05
BUG = 1


class Jobs:
    """The running jobs.

    Args:
        events: descriptor that gets a line of JSON for each event.
    """

    def __init__(self, events: int) -> None:
        self._events, self._running = events, dict[int, int]()
        self._fresh: dict[int, subprocess.Popen[bytes]] = {}
        """Processes that are no forks, which `subprocess` would wait for itself if nobody had them."""
        self._texts = SharedTexts()

    def read_text(self, settings: Mapping[str, Any]) -> SharedText | None:
        """Return the text of a job, read once for all; None where it cannot be read, which the job tells."""
        with suppress(CharRNNError):
            return self._texts.find(read_config(settings), may_fork=can_fork())
        return None

    def start(self, request: Request) -> None:
        """Start a job, as a fork where that is safe."""
        text = self.read_text(request.settings)
        if not can_fork():
            process = _spawn(request, self._events)
            self._fresh[pid := process.pid] = process
        elif not (pid := os.fork()):
            _become(request, self._events, text)
        self._running[pid] = request.job
        tell(self._events, job=request.job, event="started", pid=pid)

    def reap(self) -> None:
        """Tell of the jobs that have ended."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if (process := self._fresh.pop(pid, None)) is not None:
                process.returncode = os.waitstatus_to_exitcode(status)
            if (job := self._running.pop(pid, None)) is not None:
                with suppress(BrokenPipeError):
                    tell(self._events, job=job, event="ended", code=os.waitstatus_to_exitcode(status))

    def signal(self, number: int, job: int | None = None) -> None:
        """Send one of them, or all, a signal; nothing happens where the one has ended."""
        for pid, running in self._running.items():
            if job in (None, running):
                os.kill(pid, number)

    def wait(self, seconds: float) -> None:
        """Wait for their end, then kill those that are left."""
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            self.reap()
            time.sleep(WAIT_SECONDS)
        self.signal(signal.SIGKILL)


def can_fork() -> bool:
    """Return whether a fork of this process is safe: on Linux, with one thread and no socket."""
    if sys.platform != "linux" or len(os.listdir("/proc/self/task")) != 1:
        return False
    opened = [number for number in os.listdir("/proc/self/fd") if int(number) > 2]
    links = [os.readlink(f"/proc/self/fd/{number}") for number in opened if os.path.lexists(f"/proc/self/fd/{number}")]
    return not any(link.startswith("socket:") for link in links)


def tell(events: int, **event: Any) -> None:
    """Write an event in one piece."""
    os.write(events, (json.dumps(event) + "\n").encode())


def main() -> None:
    """Serve requests until nobody can make any more, or be a fresh job."""
    events = os.dup(1)
    os.dup2(2, 1)
    if sys.argv[1:] == ["fresh"]:
        os.set_inheritable(events, False)
        # The pipe tells of the end of whoever started this process. One signal is enough: a second one ends at once.
        _become(Request.from_line(_read_line()), events, None, parent_signal=0)
    if sys.argv[1:2] == ["fresh"]:
        os.set_inheritable(events, False)
        path = Path(sys.argv[2])
        line = path.read_text(encoding="utf-8")
        path.unlink()
        _become(Request.from_line(line), events, None)
    hello = json.loads(_read_line())
    sys.path[:] = hello["path"]
    end_with_parent(signal.SIGKILL)  # an import takes seconds, in which nothing is read
    if is_closed(0):  # the parent had ended before
        return
    jobs, first = Jobs(events), None if hello["first"] is None else Request(**hello["first"])
    text = None if first is None else jobs.read_text(first.settings)  # its n-grams are counted meanwhile
    with TemporaryDirectory(prefix="charrnn_exp-") as folder:  # of mode 0700
        with compiled_functions_in(folder):
            preload_tensorflow()
        import charrnn_exp.experiment.run  # noqa: F401  # brings all that a job needs

        pid = None  # while MLflow is imported, another core has time
        if hello["is_tracked"] and first is not None and text is not None and count_cores() > 1 and can_fork():
            pid = _warm_up(first, text, folder)
        preload_matplotlib()
        if hello["is_tracked"]:
            preload_client()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)  # the jobs themselves compile what is left
            os.waitpid(pid, 0)
        end_with_parent(0)  # the end of the pipe tells of it, and the jobs are waited for
        _serve(jobs)
    os._exit(0)  # taking all these libraries apart would take seconds


def _read_line() -> str:
    """Read a line of standard input, unbuffered: the rest is for others."""
    return FileIO(0, closefd=False).readline().decode()


def _warm_up(request: Request, text: SharedText, folder: str) -> int:
    """Return the process of a fork that makes the first update of a job, for nothing but what that compiles.

    Args:
        request: of the job.
        text: that it trains on.
        folder: that goes away.
    """
    if not (pid := os.fork()):
        try:
            end_with_parent(signal.SIGKILL)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            terminal, config = Terminal(), read_config(request.settings)
            terminal.report = lambda *_: os._exit(0)  # after the update
            config = replace(config, tracking=replace(config.tracking, backend=Backend.none))
            _train(config, replace(request, folder=str(Path(folder, "warm-up")), sweep=None), text, terminal)
        finally:
            os._exit(0)
    return pid


def _serve(jobs: Jobs) -> None:
    waiting = b""
    while True:
        if select.select([0], [], [], WAIT_SECONDS)[0]:
            read = os.read(0, 1 << 16)
            if not read:
                break
            *lines, waiting = (waiting + read).split(b"\n")
            for line in lines:
                if line.startswith(b"stop"):
                    jobs.signal(signal.SIGTERM, int(line[5:]) if line[5:] else None)
                else:
                    jobs.start(Request.from_line(line.decode()))
        jobs.reap()
    jobs.wait(GRACE_SECONDS + 0.5)  # each ends itself, see `end_with_pipe`


def _spawn(request: Request, events: int) -> "subprocess.Popen[bytes]":
    path = Path(f"{request.log}.request")
    path.write_text(request.to_line(), encoding="utf-8")
    command = [sys.executable, "-P", "-m", __spec__.name, "fresh", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdout=events, env=environment)


def _become(request: Request, events: int, text: SharedText | None, *, parent_signal: int = signal.SIGTERM) -> NoReturn:
    """Run the job and end the process: a fork must not go on in the code that it is a copy of."""
    code = BUG
    try:
        end_with_parent(parent_signal)
        end_with_pipe(0)
        code = run_and_tell(request, events, text)
    finally:
        os._exit(code)


def run_and_tell(request: Request, events: int, text: SharedText | None = None) -> int:
    """Run a job in this process, whose output goes to its log; tell of a failure, and return the exit code."""
    code = BUG
    try:
        log = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = (os.fdopen(i, "w", errors="backslashreplace", closefd=False) for i in (1, 2))
        run_job(request, events, text)
        code = 0
    except Exception as error:
        code = error.exit_code if isinstance(error, CharRNNError) else _explain(error)
        write_error(f"error: {escape_line(one_line(error))}")
        is_mistake = isinstance(error, UserError)
        tell(events, job=request.job, event="failed", reason=one_line(error)[:MAX_REASON], is_mistake=is_mistake)
    finally:
        sys.stdout.flush()
    return code


def _explain(error: Exception) -> int:
    traceback.print_exc()
    return MachineError.exit_code if isinstance(error, OSError) else BUG


def run_job(request: Request, events: int, text: SharedText | None) -> None:
    """Run a job in this process.

    Args:
        request: of the job.
        events: descriptor that gets its steps.
        text: that it trains on; None: it is read.

    Raises:
        CharRNNError: as `start_run`.
    """
    told_at, terminal = 0.0, Terminal()

    def report(step: int, num_steps: int, loss: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= REPORT_SECONDS or step >= num_steps:
            told_at = time.monotonic()
            with suppress(OSError):
                tell(events, job=request.job, event="step", step=step, num_steps=num_steps, loss=f"{loss:.3f}")

    def report_validation(step: int, loss: float) -> None:
        with suppress(OSError):
            tell(events, job=request.job, event="validated", step=step, val_loss=loss)

    terminal.report, terminal.report_validation = report, report_validation
    if request.is_resumed:
        folder = RunFolder(Path(request.folder))
        resume_run(folder, folder.read_config(), began=time.time(), terminal=terminal, shared=text)
        return
    _train(read_config(request.settings), request, text, terminal)


def _train(config: Config, request: Request, text: SharedText | None, terminal: Terminal) -> None:
    began = time.time()
    prepared = prepare_run(config, terminal=terminal, corpus=None if text is None else text.corpus)
    if text is not None:
        prepared = replace(prepared, ngrams=text.ngrams)
    tags = {"sweep": request.sweep, **request.tags} if request.sweep else request.tags
    job = Job.of(prepared, RunFolder(Path(request.folder)), name=request.name, tags=tags, began=began)
    start_run(replace(job, hash=request.hash), terminal)


if __name__ == "__main__":
    main()
