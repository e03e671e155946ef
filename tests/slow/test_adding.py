"""docs/adding.md, followed to the letter: its diffs make a dataset, a cell, an optimizer and a sampler that work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]


def test_what_the_page_says_makes_a_run_with_all_four(tmp_path: Path) -> None:
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    diffs = re.findall(r"```diff\n(.*?)```", (ROOT / "docs/adding.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(diffs) == 4
    for diff in diffs:
        apply = ["git", "apply", "-p0", "--whitespace=error-all", "-"]
        subprocess.run(apply, input=diff, cwd=tmp_path, text=True, check=True)
    words = ["dataset=names", "model=leaky", "optimizer=lion", "sampling.min_probability=0.05", "tracking=none"]
    words += [
        "training.max_steps=60",
        "model.num_layers=2",
        "model.learn_initial_state=true",
        "training.drop_state_probability=0.01",
        "sampling.length=50",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    command = [sys.executable, "-m", "charrnn_exp"]
    ended = subprocess.run([*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    (summary,) = (json.loads(path.read_text()) for path in tmp_path.glob("outputs/**/summary.json"))
    assert (summary["status"], summary["step"]) == ("FINISHED", 60)
    assert summary["val_loss"] < 3.6  # knowing nothing is ln 38 = 3.64
    wrong = subprocess.run(
        [*command, "sampling.min_probability=1"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert wrong.stderr == "charrnn_exp: error: sampling.min_probability must be in [0, 1), got 1.0.\n"
    checked = subprocess.run([sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", "src"],
                             cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert checked.returncode == 0, checked.stdout
