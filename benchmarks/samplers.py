"""How fast is the sampler beside that of another checkout? Microseconds a step of all streams together.

    python benchmarks/samplers.py OLD_CHECKOUT [--hidden 128 ...] [--streams 1 ...] [--rounds 5]

Each checkout's own benchmarks/contenders.py samples with its own sources, in this Python, with a model of random
weights in bfloat16. The two processes take turns, round after round. Prints a row for each size: the medians of both
and old / new, which is above 1 where this checkout is faster.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from contenders import Task

NEW = Path(__file__).resolve().parents[1]
LENGTH = 250
"""Characters of a text: one compiled piece."""
SECONDS_PER_TURN = 0.6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("--hidden", nargs="*", type=int, default=[128, 256, 512, 1024])
    parser.add_argument("--streams", nargs="*", type=int, default=[1, 2, 4, 8, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| units | streams | old | new | old / new |\n| --- | --- | --- | --- | --- |")
    for h in arguments.hidden:
        for b in arguments.streams:
            old, new = measure([arguments.old, NEW], h=h, b=b, rounds=arguments.rounds)
            print(f"| {h} | {b} | {old:,.1f} | {new:,.1f} | {old / new:.2f} |", flush=True)


def measure(checkouts: list[Path], *, h: int, b: int, rounds: int) -> list[float]:
    """Return the median microseconds a step of each checkout."""
    task = Task(
        work="sampling", contender="charrnn_exp", precision="bfloat16", hidden_size=h, batch_size=b,
        sequence_length=LENGTH,
    )  # fmt: skip
    processes = [start(checkout, task) for checkout in checkouts]
    try:
        counts = [max(1, round(SECONDS_PER_TURN / ask(process, 2) * 2)) for process in processes]
        seconds: list[list[float]] = [[] for _ in processes]
        for _ in range(rounds):
            for process, count, taken in zip(processes, counts, seconds, strict=True):
                taken.append(ask(process, count) / count)
        return [statistics.median(taken) / LENGTH * 1e6 for taken in seconds]
    finally:
        for process in processes:
            process.communicate()


def start(checkout: Path, task: Task) -> subprocess.Popen[str]:
    """Start a checkout's contender and wait until it is warm."""
    checkout = checkout.resolve()
    process = subprocess.Popen(
        [sys.executable, str(checkout / "benchmarks/contenders.py"), json.dumps(dataclasses.asdict(task))],
        cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout / "src")}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", f"{checkout} does not run"
    return process


def ask(process: subprocess.Popen[str], count: int) -> float:
    """Return the seconds that so many texts take."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


if __name__ == "__main__":
    main()
