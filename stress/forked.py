"""Many runs of the program from one process: each is a fork of it, in a folder and an environment of its own.

    python -m stress.forked [--tensorflow] < FLIGHTS > LANDINGS

reads a list of [words, folder, environment, killed after] and prints a list of [code, out, err, megabytes, seconds], as
JSON. Python and Hydra are imported once, TensorFlow only where asked for: a run that is refused takes a tenth of a
second.
"""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SECONDS = 120
"""After which a run is killed; its code is then 128 + SIGKILL."""


@dataclass(frozen=True)
class Flight:
    """One run of the program.

    Args:
        words: after `python -m charrnn_exp`.
        folder: the current one.
        environment: variables that it has beside those of this process.
        killed_after: seconds until SIGKILL; None: it may end by itself.
    """

    words: tuple[str, ...]
    folder: Path
    environment: dict[str, str]
    killed_after: float | None = None


@dataclass(frozen=True)
class Landing:
    """How a run ended.

    Args:
        code: exit code.
        out: standard output.
        err: standard error.
        megabytes: the most memory it had.
        seconds: it took.
    """

    code: int
    out: str
    err: str
    megabytes: float
    seconds: float


def fly(flights: list[Flight], *, with_tensorflow: bool = False) -> list[Landing]:
    """Run all, two at a time; return how each ended, in their order.

    Args:
        flights: in any order.
        with_tensorflow: whether each begins with TensorFlow imported.
    """
    halves = [flights[0::2], flights[1::2]]
    landings: list[Any] = [None] * len(flights)
    with ThreadPoolExecutor(2) as pool:
        for start, landed in enumerate(pool.map(partial(_fly_in_turn, with_tensorflow=with_tensorflow), halves)):
            landings[start::2] = landed
    return landings


def _fly_in_turn(flights: list[Flight], *, with_tensorflow: bool) -> list[Landing]:
    if not flights:
        return []
    asked = [[each.words, str(each.folder), each.environment, each.killed_after] for each in flights]
    command = [sys.executable, "-m", "stress.forked", *(["--tensorflow"] if with_tensorflow else [])]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=True)
    return [Landing(*values) for values in json.loads(done.stdout)]


def main() -> None:
    """Fork once for each flight."""
    import charrnn_exp.commands.repair
    import charrnn_exp.commands.sample
    import charrnn_exp.config.printing
    import charrnn_exp.experiment.launch
    import charrnn_exp.sweeps.launch_hydra

    if "--tensorflow" in sys.argv:
        from charrnn_exp.machine.tensorflow import import_tensorflow

        import_tensorflow()
        import charrnn_exp.experiment.run  # noqa: F401

    print(json.dumps([_fork(*flight) for flight in json.load(sys.stdin)]))


def _fork(words: list[str], folder: str, environment: dict[str, str], killed_after: float | None) -> list[Any]:
    outputs = [f"{folder}.out", f"{folder}.err"]
    began = time.monotonic()
    child = os.fork()
    if not child:
        _run(words, folder, environment, outputs)
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() - began > (SECONDS if killed_after is None else killed_after):
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    code = os.waitstatus_to_exitcode(status)
    texts = [Path(path).read_text(errors="replace") for path in outputs]
    return [code if code >= 0 else 128 - code, *texts, usage.ru_maxrss / 1024, time.monotonic() - began]


def _run(words: list[str], folder: str, environment: dict[str, str], outputs: list[str]) -> None:
    """Become the run, and end."""
    try:
        from charrnn_exp import cli

        os.chdir(folder)
        os.environ.update(environment)
        for number, path in ((0, os.devnull), *zip((1, 2), outputs, strict=True)):
            os.dup2(os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        sys.argv = ["charrnn_exp", *words]
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(i, "r" if i == 0 else "w", closefd=False) for i in range(3))
        cli.run()
    finally:
        os._exit(99)


if __name__ == "__main__":
    main()
