"""`make bench`, at a small size and without PyTorch, which only the bench target installs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.alone
def test_the_bench_measures_in_turns_and_writes_its_table(tmp_path: Path) -> None:
    words = ["--only", "validation", "texts", "--hidden", "16", "--rounds", "2", "--output", str(tmp_path / "bench")]
    command = [sys.executable, str(BENCHMARKS / "speed.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    report = json.loads((tmp_path / "bench.json").read_text())
    (row,) = report["validation"]
    assert {name: len(rates) for name, rates in row["rates"].items()} == {"training": 2, "validation": 2}
    table = (tmp_path / "bench.md").read_text()
    assert "| 16 |" in table
    assert f"({row['ratios']['training']:.2f}x)" in table
    assert "| text of 100 MB, to ids |" in done.stdout
