"""examples/my_filter.py: its maths beside a naive twin, and in a copy of the project that names it nowhere else."""

import importlib.util
import os
import re
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


def naive_nucleus(log_probabilities_v: list[float], top_p: float) -> list[bool]:
    """Take the likeliest symbols until they hold top_p, and whatever is as likely as the last."""
    probabilities_v = [np.exp(each) for each in log_probabilities_v]
    held, last = 0.0, 2.0
    for probability in sorted(probabilities_v, reverse=True):
        if held >= top_p:
            break
        held, last = held + probability, probability
    return [probability >= last for probability in probabilities_v]


@pytest.mark.parametrize("top_p", [5e-324, 0.3, 0.55, 0.9, 1.0])
def test_the_nucleus_is_the_naive_one(top_p: float) -> None:
    logits_bv = np.random.default_rng(8).integers(-4, 5, size=(7, 11)) / 2  # with ties
    log_probabilities_bv = tf.nn.log_softmax(tf.constant(logits_bv, tf.float64))
    kept_bv = load_example().keep_nucleus(log_probabilities_bv, top_p).numpy()
    expected_bv = [naive_nucleus(row_v, top_p) for row_v in log_probabilities_bv.numpy().tolist()]
    np.testing.assert_array_equal(np.isfinite(kept_bv), expected_bv)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one more file, one field and its sentence in the schema, one line of YAML."""
    for folder in ("src", "conf", "stress", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(EXAMPLE, tmp_path / "src/charrnn_exp/sampling/filters/top_p.py")
    schema, values = tmp_path / "src/charrnn_exp/config/schema.py", find_values(tmp_path / "conf")
    field = f'    top_p: float | None\n    """{load_example().FILTER.meaning}"""\n    num_samples: int\n'
    schema.write_text(schema.read_text().replace("    num_samples: int\n", field))
    values.write_text(values.read_text().replace("top_k: null", "top_p: null\ntop_k: null"))
    return tmp_path


def find_values(conf: Path) -> Path:
    """Return the one file that holds the common values of sampling."""
    (path,) = (path for path in conf.rglob("*.yaml") if "top_k: null" in path.read_text())
    return path


def test_a_new_filter_is_checked_completed_and_fuzzed_without_being_named(project: Path) -> None:
    source = project / "src"
    refused = run(project, "--cfg", "job", "sampling.top_p=1.5", source=source)
    assert refused.stderr == "charrnn_exp: error: sampling.top_p must be in (0, 1], got 1.5.\n"
    shown = run(project, "--cfg", "job", "sampling.top_p=0.9", source=source)
    assert (shown.returncode, "  top_p: 0.9\n" in shown.stdout) == (0, True)
    completed = run(project, "completion", "line=charrnn-exp sample sampling.top", source=source)
    assert sorted(completed.stdout.split()) == ["sampling.top_k=", "sampling.top_p="]
    code = "from stress import fuzz_settings as f; print({'sampling.top_p'} <= {*f.CHEAP} & {*f.SETTINGS})"
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
    listed = subprocess.run([*command, "-k", "top_p", "--collect-only"], cwd=project, env=environment,
                            capture_output=True, text=True)  # fmt: skip
    num_tests = re.search(r"test_registry\.py: (\d+)", listed.stdout)
    assert num_tests is not None
    assert int(num_tests[1]) >= 5
