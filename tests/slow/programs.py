"""Sweeps and searches of a tiny model as real processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
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
