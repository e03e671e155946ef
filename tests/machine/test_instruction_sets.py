"""Processors with fewer instructions: the program held to them by the switches of XLA and oneDNN, in real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import SMALL

pytestmark = pytest.mark.slow

WORDS = [*SMALL, "training.epochs=100", "training.sequence_length=20", "optimizer.schedule=constant"]
WORDS += ["training.max_steps=200"]
HELD = {
    "AVX2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}


def train(folder: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Return the summary of a run in a new folder."""
    folder.mkdir()
    command = [sys.executable, "-m", "charrnn_exp", *WORDS]
    subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=True, capture_output=True, timeout=200)
    (path,) = folder.glob("outputs/*/*/*/summary.json")
    summary: dict[str, Any] = json.loads(path.read_text())
    return summary


def read_newest(folder: Path, name: str) -> Path:
    return max(folder.glob(f"outputs/*/*/*/checkpoints/step_*/{name}"))


def read_weights(folder: Path) -> list[Any]:
    with np.load(read_newest(folder, "weights.npz")) as weights:
        return [weights[name] for name in sorted(weights)]


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with all instructions of this machine."""
    folder = tmp_path_factory.mktemp("native") / "run"
    train(folder, {})
    return folder


@pytest.mark.parametrize("name", HELD)
def test_fewer_instructions_train_the_same_model_but_for_rounding(native: Path, tmp_path: Path, name: str) -> None:
    held = tmp_path / "held"
    summary = train(held, HELD[name])
    (expected,) = native.glob("outputs/*/*/*/summary.json")
    assert summary["val_loss"] == pytest.approx(json.loads(expected.read_text())["val_loss"], rel=1e-5)
    pairs = [*zip(read_weights(held), read_weights(native), strict=True)]
    for found, weight in pairs:
        np.testing.assert_allclose(found, weight, rtol=0, atol=1e-4)
    # Sums of another width round otherwise: the switches were obeyed. This machine may have no more than AVX2.
    assert name == "AVX2" or not all(np.array_equal(found, weight) for found, weight in pairs)
    flags = json.loads(read_newest(held, "manifest.json").read_text())["machine"]
    assert {key: flags[key] for key in HELD[name]} == HELD[name]
