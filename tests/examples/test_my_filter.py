"""examples/my_filter.py: its maths beside a naive twin, and in a copy of the project that names it nowhere else."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.plugins import run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/my_filter.py"


def load_example() -> Any:
    spec = importlib.util.spec_from_file_location("my_filter", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def naive_top_a(log_probabilities_v: list[float], top_a: float) -> list[bool]:
    """Compare each probability with top_a times the square of the largest; 1e-12: of rounding, none lies there."""
    probabilities_v = [np.exp(each) for each in log_probabilities_v]
    return [probability >= top_a * max(probabilities_v) ** 2 * (1 - 1e-12) for probability in probabilities_v]


@pytest.mark.parametrize("top_a", [5e-324, 0.03, 0.1, 0.55, 1.0])
def test_the_symbols_that_are_kept_are_the_naive_ones(top_a: float) -> None:
    logits_bv = np.random.default_rng(8).integers(-4, 5, size=(7, 11)) / 2  # with ties
    log_probabilities_bv = tf.nn.log_softmax(tf.constant(logits_bv, tf.float64))
    kept_bv = load_example().keep_top_a(log_probabilities_bv, tf.constant(top_a, tf.float64)).numpy()
    expected_bv = [naive_top_a(row_v, top_a) for row_v in log_probabilities_bv.numpy().tolist()]
    np.testing.assert_array_equal(np.isfinite(kept_bv), expected_bv)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one more file, one field and its sentence in the schema, one line of YAML."""
    for folder in ("src", "conf", "stress", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(EXAMPLE, tmp_path / "src/charrnn_exp/sampling/filters/top_a.py")
    schema, values = tmp_path / "src/charrnn_exp/config/schema.py", find_values(tmp_path / "conf")
    field = f'    top_a: float | None\n    """{load_example().FILTER.meaning}"""\n    num_samples: int\n'
    schema.write_text(schema.read_text().replace("    num_samples: int\n", field))
    values.write_text(values.read_text().replace("top_k: null", "top_a: null\ntop_k: null"))
    return tmp_path


def find_values(conf: Path) -> Path:
    """Return the one file that holds the common values of sampling."""
    (path,) = (path for path in conf.rglob("*.yaml") if "top_k: null" in path.read_text())
    return path


def test_a_new_filter_is_checked_completed_and_fuzzed_without_being_named(project: Path) -> None:
    source = project / "src"
    refused = run(project, "--cfg", "job", "sampling.top_a=1.5", source=source)
    assert refused.stderr == "charrnn_exp: error: sampling.top_a must be in (0, 1], got 1.5.\n"
    shown = run(project, "--cfg", "job", "sampling.top_a=0.9", source=source)
    assert (shown.returncode, "  top_a: 0.9\n" in shown.stdout) == (0, True)
    completed = run(project, "completion", "line=charrnn-exp sample sampling.top", source=source)
    assert sorted(completed.stdout.split()) == ["sampling.top_a=", "sampling.top_k=", "sampling.top_p="]
    code = "from stress import fuzz_settings as f; print({'sampling.top_a'} <= {*f.CHEAP} & {*f.SETTINGS})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(project)])}
    fuzzed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert fuzzed.stdout == "True\n"


@pytest.mark.slow
def test_a_new_filter_passes_the_tests_of_all_filters(project: Path) -> None:
    tests = [
        "tests/sampling/filters/test_registry.py",
        "tests/config/checks/test_whole.py",
        "tests/config/test_schema.py",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
    its_own = [*command, "-m", "slow or not slow", "-k", "top_a", "-rp"]
    ended = subprocess.run(its_own, cwd=project, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count("PASSED tests/sampling/filters/test_registry.py") >= 5
