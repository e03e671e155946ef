"""A loss that one fork finds for all others."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss

PROGRAM = """
import json, os, signal, sys, time
import numpy as np
from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss
from charrnn_exp.evaluation.baseline.shared import SharedLoss

def measure():
    with open("calls", "a") as calls:
        calls.write(f"{os.getpid()}\\n")
    {body}
    train_n = np.random.default_rng(4).integers(5, size=1009, dtype=np.uint8)
    return measure_ngram_loss(train_n[:900], train_n[900:], (0, 3), num_symbols=5)

def tell(shared):
    found = shared.find_loss(wait=True)
    os.write(1, (json.dumps([found, shared.find_loss(wait=False)]) + "\\n").encode())

shared = SharedLoss(measure)
forks = []
for _ in range(3):
    if not (fork := os.fork()):
        tell(shared)
        shared.stop()
        os._exit(0)
    forks.append(fork)
{meanwhile}
tell(shared)
for fork in forks:
    os.waitpid(fork, 0)
"""
KILL = """
while not os.path.exists("calls") or not open("calls").read():
    time.sleep(0.01)
os.kill(int(open("calls").read()), signal.SIGKILL)
"""


def run(place: Path, *, body: str = "", meanwhile: str = "") -> list[Any]:
    """Return the losses that four forks of a fresh process, which has no threads, see."""
    program = PROGRAM.replace("{body}", body).replace("{meanwhile}", meanwhile)
    environment = {"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_all_forks_see_the_number_that_the_function_returns_and_it_is_found_once(tmp_path: Path) -> None:
    text_n = np.random.default_rng(4).integers(5, size=1009, dtype=np.uint8)
    expected = measure_ngram_loss(text_n[:900], text_n[900:], (0, 3), num_symbols=5)
    assert run(tmp_path, body="time.sleep(0.5)") == [[expected, expected]] * 4
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_nobody_waits_for_a_process_that_fails_or_is_killed(tmp_path: Path) -> None:
    assert run(tmp_path, body="raise MemoryError") == [[None, None]] * 4
    (tmp_path / "calls").unlink()
    assert run(tmp_path, body="time.sleep(1000)", meanwhile=KILL) == [[None, None]] * 4
