"""How soon does a run make its first update? Beside TensorFlow's bare import, in turns; alone on the machine, please.

    python benchmarks/start.py [--rounds 5]

A run of the default settings, MLflow on, stopped after three updates, in a folder where one has run before: with what
XLA has compiled then, and with nothing (CHARRNN_COMPILED=off). Its seconds are those from the start of its process, as
its summary has them; those of the import are of a whole process. Below: what a typo and --help take.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUN = ("training.max_steps=3", "training.max_val_characters=1000", "sampling.length=20")


def main() -> None:
    """Measure in turns, print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        measures: dict[str, Callable[[], float]] = {
            "import tensorflow": lambda: find_seconds(place, "-c", "import tensorflow"),
            "first update": lambda: find_start(place),
            "first update, CHARRNN_COMPILED=off": lambda: find_start(place, compiled="off"),
            "a typo": lambda: find_seconds(place, "-m", "charrnn_exp", "model.hiden_size=1", code=2),
            "--help": lambda: find_seconds(place, "-m", "charrnn_exp", "--help"),
        }
        for measure in measures.values():  # the first of each reads files that the next ones find in memory
            measure()
        seconds: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(arguments.rounds):
            for name, measure in measures.items():
                seconds[name].append(measure())
    bare = statistics.median(seconds["import tensorflow"])
    for name, values in seconds.items():
        median = statistics.median(values)
        more = f", {median - bare:+.2f} s to the import" if name.startswith("first") else ""
        print(f"{name:36s} {median:6.2f} s [{min(values):.2f} .. {max(values):.2f}]{more}")


def find_seconds(place: Path, *words: str, code: int = 0) -> float:
    """Return the seconds of a whole process of Python that ends with this code."""
    before = time.monotonic()
    done = subprocess.run([sys.executable, *words], cwd=place, capture_output=True, text=True)
    seconds = time.monotonic() - before
    if done.returncode != code:
        raise SystemExit(f"{words} ended with {done.returncode}:\n{done.stderr}")
    return seconds


def find_start(place: Path, *, compiled: str = "on") -> float:
    """Return the seconds from the start of a run's process to the end of its first update."""
    environment = os.environ | {"CHARRNN_COMPILED": compiled}
    known = set(place.glob("outputs/*/*/*/summary.json"))
    subprocess.run(
        [sys.executable, "-m", "charrnn_exp", *RUN], cwd=place, env=environment, check=True, capture_output=True
    )
    (summary,) = set(place.glob("outputs/*/*/*/summary.json")) - known
    return float(json.loads(summary.read_text())["seconds_by_activity"]["start"])


if __name__ == "__main__":
    main()
