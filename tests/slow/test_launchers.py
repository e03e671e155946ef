"""A launcher of an installed plugin runs a sweep: its jobs in other processes, their failures told here."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import charrnn_exp

pytestmark = pytest.mark.slow
SOURCE = Path(charrnn_exp.__file__).parents[1]
TEXT = Path(__file__).parents[1] / "data" / "runs_cce24c3" / "text.txt"
SMALL = [
    "dataset=file", "tracking=none", "model.embedding_dim=3", "training.batch_size=3",
    "training.sequence_length=16", "training.max_steps=4", "optimizer.warmup_steps=2", "sampling.length=7",
]  # fmt: skip


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with hydra-joblib-launcher and joblib, beside the environment of the tests."""
    target = tmp_path_factory.mktemp("plugins")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    done = subprocess.run([*command, "hydra-joblib-launcher", "joblib"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"hydra-joblib-launcher cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return target


def sweep(
    folder: Path,
    plugins: Path,
    *words: str,
    launcher: Sequence[str] = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "charrnn_exp", "-m", *launcher, *SMALL, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{plugins}{os.pathsep}{SOURCE}", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_joblib_runs_a_sweep_of_four(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    done = sweep(tmp_path, plugins, "dataset.path=text.txt", "model.hidden_size=5", "seed=1,2", "model.num_layers=1,2")
    assert done.returncode == 0, done.stderr
    summaries = sorted(tmp_path.glob("outputs/charrnn/*/*/*/summary.json"))
    assert [path.parent.name for path in summaries] == ["0", "1", "2", "3"]
    assert all('"FINISHED"' in path.read_text() for path in summaries)


def test_a_sweep_of_small_and_large_models_is_done_once(plugins: Path, tmp_path: Path) -> None:
    """Alone, models of these sizes have other threads and parts; in one process all have the same."""
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    words = ["dataset.path=text.txt", "model.hidden_size=5,520", "training.batch_size=2"]
    first, second = (sweep(tmp_path, plugins, *words, launcher=["hydra/launcher=basic"]) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    summaries = sorted(tmp_path.glob("outputs/charrnn/*/*/*/summary.json"))
    assert len(summaries) == 2, second.stdout
    configs = [(path.parent / "config.yaml").read_text() for path in summaries]
    assert len({tuple(line for line in each.splitlines() if "parts:" in line) for each in configs}) == 1


def test_a_job_that_fails_in_another_process_is_told_and_the_other_runs(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    # The inputs of all jobs are checked before; the memory is a job's own matter.
    done = sweep(tmp_path, plugins, "dataset.path=text.txt", "model.hidden_size=16384,5", "model.num_layers=16")
    assert done.returncode == 3
    # joblib's own tracker may warn after it of what it tidied up.
    assert "charrnn_exp: error: 1 of 2 jobs failed, first 'model.hidden_size=16384': out of memory" in done.stderr
    assert "1 of 2 jobs are done, in outputs/" in done.stdout
    (summary,) = tmp_path.glob("outputs/charrnn/*/*/*/summary.json")
    assert summary.parent.name == "1"
