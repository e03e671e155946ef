"""Real processes of the program: started, killed, awaited; and the folders they leave, compared to the byte."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from charrnn_exp.run_folder.checkpoint import TRAINING, WEIGHTS, Checkpoint
from charrnn_exp.run_folder.finding import find_run_folders
from charrnn_exp.run_folder.folder import RunFolder

PATIENCE_SECONDS = 300
"""Longer than any process here takes: one that is not done by then hangs."""
MOVING = (
    "dataset=stdlib",
    "dataset.max_bytes=2756",
    "model.hidden_size=16",
    "model.embedding_dim=8",
    "model.dropout=0.2",
    "model.input_dropout=0.1",
    "model.variational_dropout=true",
    "model.learn_initial_state=true",
    "training.stream_jitter=true",
    "training.drop_state_probability=0.1",
    "dataset.split=tfds",
    "training.batch_size=4",
    "training.sequence_length=20",
    "training.epochs=2",
    "training.ema_decay=0.9",
    "training.validate_every_steps=7",
    "training.early_stopping_patience=6",
    "optimizer.learning_rate=0.05",
    "sampling.length=40",
)
"""A run of two epochs, 30 updates each, in which all moves: dropout, carried and dropped states, jitter, schedule,
averages, patience."""

SUMMARY = ("status", "step", "epoch", "train_loss", "val_loss", "val_loss_raw", "best_val_loss", "best_step",
           "test_loss", "scores", "bits_per_char", "ngram_val_loss", "num_parameters", "checkpoint",
           "sample")  # fmt: skip
"""What of summary.json does not depend on the time."""


def start(words: Iterable[str], folder: Path, environment: Mapping[str, str] = {}) -> "subprocess.Popen[str]":
    """Start `python -m charrnn_exp WORDS` in a folder; both its outputs are piped."""
    return subprocess.Popen(
        [sys.executable, "-m", "charrnn_exp", *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def run(words: Iterable[str], folder: Path, environment: Mapping[str, str] = {}) -> "subprocess.CompletedProcess[str]":
    """Run it to its end; one that hangs is killed and has the code of SIGKILL."""
    process = start(words, folder, environment)
    out, err = finish(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def finish(process: "subprocess.Popen[str]", seconds: float = PATIENCE_SECONDS) -> tuple[str, str]:
    """Wait for the end of a process and return what it wrote; kill it when the time is over."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.communicate()


def find_alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait so long for their end; return those that still run.

    One that has ended stays in the list of processes until its parent, which may be the first process of the system,
    takes its entry away.
    """
    alive = []
    for each in psutil.wait_procs(processes, timeout=seconds)[1]:
        with suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE:
                alive.append(each)
    return alive


def in_pairs(function: Callable[[Any], Any], cases: Iterable[Any]) -> list[Any]:
    """Call the function for each case, two at a time: each waits for processes of its own."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, cases))


def find_folders(below: Path) -> list[RunFolder]:
    """Return the runs below a folder's outputs/.

    `Path.glob` would end with FileNotFoundError where a run that goes on moves a folder meanwhile.
    """
    return [RunFolder(path) for path in find_run_folders(below / "outputs")]


def find_folder(below: Path) -> RunFolder:
    """Return the one run below a folder's outputs/."""
    (folder,) = find_folders(below)
    return folder


def find_differences(one: RunFolder, other: RunFolder) -> list[str]:
    """Return what differs between the ends of two runs: newest checkpoint, best, samples, rows, summary but times."""
    problems = []
    ours, theirs = (sorted(run.checkpoints.glob("step_*"))[-1:] for run in (one, other))
    if [path.name for path in ours] != [path.name for path in theirs]:
        return [f"newest checkpoints are {ours} and {theirs}"]
    for path, twin in zip(ours, theirs, strict=True):
        for name in (WEIGHTS, TRAINING):
            problems += _compare(Checkpoint(path), Checkpoint(twin), name)
    if read_rows(one) != read_rows(other):
        problems.append("metrics.jsonl differs")
    summaries = [{name: getattr(run.read_summary(), name) for name in SUMMARY} for run in (one, other)]
    problems += [
        f"summary: {name} is {summaries[0][name]} and {summaries[1][name]}"
        for name in SUMMARY
        if summaries[0][name] != summaries[1][name]
    ]
    configs = [_read_nameless(run.config) for run in (one, other)]
    if configs[0] != configs[1]:
        problems.append("config.yaml differs in more than the name")
    for name in ("checkpoints/best.json", "vocabulary.json"):
        if (one.path / name).read_bytes() != (other.path / name).read_bytes():
            problems.append(f"{name} differs")
    samples = [{path.name: path.read_bytes() for path in run.samples.glob("step_*")} for run in (one, other)]
    if samples[0] != samples[1]:
        problems.append("samples differ")
    return problems


def _read_nameless(config: Path) -> list[str]:
    # The name of the experiment is that of the run; `rerun` is of the sweep.
    names = ("name:", "experiment_name:", "rerun:")
    return [line for line in config.read_text().splitlines() if not line.lstrip().startswith(names)]


def read_rows(run: RunFolder) -> list[list[tuple[str, Any]]]:
    """Return the lines of metrics.jsonl, text for text, without chars_per_second, the only one that is a time."""
    # Numbers are compared as they are written.
    lines = run.metrics.read_text().split("\n")[:-1] if run.metrics.exists() else []  # a kill may have cut the last
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    return [sorted((name, value) for name, value in row.items() if name != "chars_per_second") for row in rows]


def find_duplicates(run: RunFolder) -> list[str]:
    """Return a line for each metric that has a step twice in metrics.jsonl."""
    seen: set[tuple[str, str]] = set()
    twice = []
    for row in read_rows(run):
        step = dict(row)["step"]
        for name, _ in row:
            if name != "step" and (name, step) in seen:
                twice.append(f"{name} has step {step} twice")
            seen.add((name, step))
    return twice


def _compare(one: Checkpoint, other: Checkpoint, name: str) -> list[str]:
    ours, theirs = one.read(name), other.read(name)
    if ours.keys() != theirs.keys():
        return [f"{name} has {sorted(ours)} and {sorted(theirs)}"]
    return [
        f"{name}: {key} differs"
        for key, array in ours.items()
        if (array.dtype, array.shape, array.tobytes()) != (theirs[key].dtype, theirs[key].shape, theirs[key].tobytes())
    ]
