"""The program as forks of one process that has its libraries imported: a run starts in 0.1 s, not in seconds.

    python -m tests.forks SOCKET PRELOAD

is that process. A request is a JSON line {words, folder, environment, path} with three file descriptors: standard
output, standard error, and a pipe that gets the id of the new process and, once it has ended, its exit code and the
seconds it took of the processor.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import charrnn_exp
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.sampling.filters.registry import FILTERS

ROOT = Path(__file__).parents[1]
PROGRAM = str(Path(charrnn_exp.__file__).parent / "__main__.py")
SETTINGS = ("charrnn_exp.commands.help", "charrnn_exp.config.printing")
EVERYTHING = (
    *SETTINGS,
    "charrnn_exp.commands.evaluate",
    "charrnn_exp.commands.repair",
    "charrnn_exp.commands.sample",
    "charrnn_exp.experiment.launch",
    "charrnn_exp.experiment.run",
    "matplotlib.backends.backend_agg",
    "mlflow.store.tracking.sqlalchemy_store",
)
MAX_REQUEST = 100_000
"""Bytes of the longest request."""


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Args:
        returncode: exit code; negative after a signal.
        stdout: what there was to read on standard output, if that was open.
        stderr: standard error.
        seconds: of the processor.
    """

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Fork:
    """A running program; like `subprocess.Popen` with text for standard output and error."""

    def __init__(self, stdout: TextIO, stderr: TextIO, answers: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._answers = answers
        self.pid = int(answers.readline())

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def finish(self) -> "Ended":
        """Wait for the end."""
        with closing(self.stdout), closing(self.stderr), closing(self._answers), ThreadPoolExecutor(1) as pool:
            err = pool.submit(self.stderr.read)
            out = "" if self.stdout.closed else self.stdout.read()
            code, seconds = self._answers.readline().split()
            return Ended(int(code), out, err.result(), float(seconds))


class Program:
    """Starts the program.

    Args:
        requests: connected to the process that forks.
    """

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests

    def start(
        self, folder: Path, *words: str, environment: Mapping[str, str] = os.environ, path: Sequence[Path] = ()
    ) -> Fork:
        """Start the program.

        Args:
            folder: the current one.
            words: of the command line.
            environment: all variables; a library that reads its own when it is imported has read them.
            path: folders that stand first on the module search path.
        """
        pipes = [os.pipe() for _ in range(3)]
        request = {"words": words, "folder": str(folder), "environment": {**environment}, "path": [*map(str, path)]}
        socket.send_fds(self._requests, [json.dumps(request).encode()], [writing for _, writing in pipes])
        for _, writing in pipes:
            os.close(writing)
        return Fork(*(open(reading, encoding="utf-8", errors="replace") for reading, _ in pipes))

    def run(self, folder: Path, *words: str, **options: Any) -> Ended:
        """Run the program to its end; see `start`."""
        return self.start(folder, *words, **options).finish()

    def run_well(self, folder: Path, *words: str) -> tuple[str, str]:
        """Return both outputs of the program, which ends with 0."""
        ended = self.run(folder, *words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout, ended.stderr


@contextmanager
def preload(what: str) -> Iterator[Program]:
    """Start the process that forks.

    Args:
        what: "settings", or "everything": TensorFlow, Keras and MLflow, too.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    command = [sys.executable, "-m", "tests.forks", str(theirs.fileno()), what]
    with ours, subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        yield Program(ours)
        ours.close()  # which ends it
        process.wait()


def main() -> None:
    """Import the libraries, then fork for each request."""
    number, what = sys.argv[1:]
    _import_libraries(what)
    # What forks has no thread that could hold a lock, and need not ask how its children end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(number)) as requests:
        while True:
            message, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST, 3)
            if not message:
                return
            if not os.fork():
                requests.close()
                _attend(json.loads(message), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _import_libraries(what: str) -> None:
    if what == "everything":
        from charrnn_exp.machine.tensorflow import import_tensorflow

        import_tensorflow()
    for name in SETTINGS if what == "settings" else EVERYTHING:
        importlib.import_module(name)
    from charrnn_exp.config.compose import compose_jobs

    compose_jobs([])  # Hydra's grammar learns from the first words


def _attend(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Fork the program, and tell how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *outputs, answers = descriptors
    program = os.fork()
    if not program:
        os.close(answers)
        _become(request, outputs)
    for output in outputs:
        os.close(output)
    os.write(answers, f"{program}\n".encode())
    _, status, usage = os.wait4(program, 0)
    os.write(answers, f"{os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], outputs: list[int]) -> NoReturn:
    """Become the program, as `python -m charrnn_exp` would be."""
    try:
        os.setpgrp()
        os.chdir(request["folder"])
        for number, output in enumerate(outputs, start=1):
            os.dup2(output, number)
            os.close(output)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.environ.clear()
        os.environ.update({**request["environment"], "PYTHONSAFEPATH": "1"})
        sys.path[:1] = request["path"]
        for registry in (CELLS, FILTERS):  # look for packages once a process
            vars(registry).pop("_points", None)
        sys.argv = [PROGRAM, *request["words"]]
        from charrnn_exp import cli

        cli.run()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(99)


if __name__ == "__main__":
    main()
