"""Sweeps and searches of a tiny model, and MLflow's UI, as real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import charrnn_exp

SOURCE = Path(charrnn_exp.__file__).parents[1]
TEXT = Path(__file__).parents[1] / "data" / "runs_cce24c3" / "text.txt"
SMALL = [
    "dataset=file", "dataset.path=text.txt", "tracking=none", "model.embedding_dim=3", "model.hidden_size=5",
    "training.batch_size=3", "training.sequence_length=16", "optimizer.warmup_steps=2", "sampling.length=7",
]  # fmt: skip


def start(place: Path, *words: str, environment: Mapping[str, str] = {}) -> "subprocess.Popen[str]":
    """Start the program in a folder, in a session of its own; both its outputs are piped."""
    path = os.pathsep.join([str(SOURCE), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-m", "charrnn_exp", *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", **environment},
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for its end; return the exit code and both outputs."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@contextlib.contextmanager
def serving_ui(place: Path) -> Iterator[str]:
    """Give the address that the verb `ui` prints for the store in a folder; it ends with the block, by SIGTERM."""
    with start(place, "ui", "open=false") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("MLflow UI: http://127.0.0.1:")
        yield line.removeprefix("MLflow UI: ").strip()
        try:
            # Not SIGINT: a job in the background inherits that it is ignored.
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for_checkpoints(place: Path, num_jobs: int) -> None:
    """Wait until so many jobs of sweeps below a folder have a checkpoint."""
    until = time.monotonic() + 250
    while len({path.parent for path in place.glob("outputs/*/*/*/*/checkpoints/step_*")}) < num_jobs:
        assert time.monotonic() < until, "no job made a checkpoint"
        time.sleep(0.1)
