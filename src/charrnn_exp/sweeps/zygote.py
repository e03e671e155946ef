"""The process that forks the jobs of a sweep: TensorFlow is imported once, and nothing of it is started.

    python -P -m charrnn_exp.sweeps.zygote

reads a line with the module search path and whether jobs are tracked, then a `Request` a line, or the word stop, alone
or with the index of a job, from standard input. Standard output gets a line of JSON for each event of a job: started,
step, validated, failed, ended.

Where a fork is not safe (no Linux, or a library has started a thread or opened a socket), a job gets a fresh process:
the same program with the word `fresh`, whose request stands in a file.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, NoReturn

from charrnn_exp.config.reading import read_config
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.resume import resume_run
from charrnn_exp.machine.lifeline import GRACE_SECONDS, end_with_parent, end_with_pipe
from charrnn_exp.machine.tensorflow import preload_tensorflow
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.streams import escape_line, write_error
from charrnn_exp.sweeps.request import Request
from charrnn_exp.tracking.store import import_client
from charrnn_exp.views.terminal import Terminal

MAX_REASON = 2000
"""Characters of a reason: a line shorter than a page goes through a pipe in one piece, whoever else writes."""
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
        self._corpora: dict[str, Corpus] = {}

    def start(self, request: Request) -> None:
        """Start a job, as a fork where that is safe."""
        corpus = self._read_text(request)
        if not can_fork():
            pid = _spawn(request, self._events)
        elif not (pid := os.fork()):
            _become(request, self._events, corpus)
        self._running[pid] = request.job
        tell(self._events, job=request.job, event="started", pid=pid)

    def reap(self) -> None:
        """Tell of the jobs that have ended."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
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

    def _read_text(self, request: Request) -> Corpus | None:
        """Return the text of a job, read once for all; None where it cannot be read, which the job tells."""
        with suppress(CharRNNError, OSError):
            dataset = read_config(request.settings).dataset
            if repr(dataset) not in self._corpora:
                self._corpora[repr(dataset)] = load_corpus(dataset)
            return self._corpora[repr(dataset)]
        return None


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
    if sys.argv[1:2] == ["fresh"]:
        os.set_inheritable(events, False)
        _become(Request.from_line(Path(sys.argv[2]).read_text(encoding="utf-8")), events, None)
    hello = json.loads(FileIO(0, closefd=False).readline())  # unbuffered: the rest is for `_serve`
    sys.path[:] = hello["path"]
    end_with_parent(signal.SIGKILL)  # an import takes seconds, in which nothing is read
    preload_tensorflow()
    import charrnn_exp.experiment.run  # noqa: F401  # brings all that a job needs

    if hello["is_tracked"]:
        import_client()
    end_with_parent(0)  # the end of the pipe tells of it, and the jobs are waited for
    _serve(Jobs(events))


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


def _spawn(request: Request, events: int) -> int:
    path = Path(f"{request.log}.request")
    path.write_text(request.to_line(), encoding="utf-8")
    command = [sys.executable, "-P", "-m", __spec__.name, "fresh", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stdout=events, env=environment).pid


def _become(request: Request, events: int, corpus: Corpus | None) -> NoReturn:
    """Run the job and end the process: a fork must not go on in the code that it is a copy of."""
    code = BUG
    try:
        end_with_parent(signal.SIGTERM)
        log = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = (os.fdopen(i, "w", errors="backslashreplace", closefd=False) for i in (1, 2))
        end_with_pipe(0)
        run_job(request, events, corpus)
        code = 0
    except Exception as error:
        code = error.exit_code if isinstance(error, CharRNNError) else _explain(error)
        write_error(f"error: {escape_line(one_line(error))}")
        is_mistake = isinstance(error, UserError)
        tell(events, job=request.job, event="failed", reason=one_line(error)[:MAX_REASON], is_mistake=is_mistake)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _explain(error: Exception) -> int:
    traceback.print_exc()
    return MachineError.exit_code if isinstance(error, OSError) else BUG


def run_job(request: Request, events: int, corpus: Corpus | None) -> None:
    """Run a job in this process.

    Args:
        request: of the job.
        events: descriptor that gets its steps.
        corpus: its text; None: it is read.

    Raises:
        CharRNNError: as `start_run`.
    """
    began, told_at, terminal = time.time(), 0.0, Terminal()

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
        resume_run(folder, folder.read_config(), began=began, terminal=terminal)
        return
    prepared = prepare_run(read_config(request.settings), terminal=terminal, corpus=corpus)
    tags = {"sweep": request.sweep, **request.tags} if request.sweep else request.tags
    job = Job.of(prepared, RunFolder(Path(request.folder)), name=request.name, tags=tags, began=began)
    start_run(job, terminal)


if __name__ == "__main__":
    main()
