"""How often the verdicts of `compare` are wrong, on real runs: 40 small ones that differ in their seed alone.

    python benchmarks/verdicts.py                # below outputs/ of an empty folder; eight minutes on two cores

100 comparisons of 4 against 4 seeds, drawn anew each time: of equal settings, 5 % are to be called different; with 0.05
nats added to one side, as many are to be found as the scatter of the seeds allows (93 % at a deviation of 0.0164, 96 %
at 0.015). Then the paired error of two models against a bootstrap of their blocks. Finished runs are not run again.
"""

import math
import subprocess
import sys

import numpy as np

from charrnn_exp.errors import UserError
from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_runs
from charrnn_exp.sweeps.comparison.statistics import LEVEL, compare_blocks, compare_seeds

NUM_RUNS, NUM_SEEDS, NUM_COMPARISONS, PLANTED = 40, 4, 100, 0.05
WORDS = [
    "name=verdicts", "tracking=none", "dataset.max_bytes=60000", "model.embedding_dim=8", "model.hidden_size=16",
    "training.batch_size=16", "training.sequence_length=32", "training.precision=float32", "training.epochs=8",
    "sampling.length=20", "optimizer.warmup_steps=5", "optimizer.learning_rate=0.01",
]  # fmt: skip
"""Words of a run."""


def main() -> None:
    """Make the runs and print the shares."""
    comparison = find_runs()
    runs = comparison.groups[0].variants[0].runs
    losses = np.array([run.loss for run in runs])
    print(f"{len(losses)} runs: val_loss {losses.mean():.4f} +- {losses.std(ddof=1):.4f}")
    drawn = np.random.default_rng(1)
    equal = planted = 0
    for _ in range(NUM_COMPARISONS):
        sides = drawn.permutation(losses)[: 2 * NUM_SEEDS].reshape(2, NUM_SEEDS)
        equal += is_found(sides[0], sides[1])
        planted += is_found(sides[0], sides[1] + PLANTED)
    print(f"equal settings, {NUM_SEEDS} against {NUM_SEEDS} seeds: {equal} of {NUM_COMPARISONS} called different")
    print(f"{PLANTED} nats planted: {planted} of {NUM_COMPARISONS} found")
    ratios = []
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        found = compare_blocks(first.blocks["val"], second.blocks["val"])
        assert found is not None
        differences_g = np.subtract(first.blocks["val"], second.blocks["val"])
        num = len(differences_g)
        means = differences_g[drawn.integers(0, num, (10_000, num))].mean(axis=1)
        ratios.append(found.error / (float(means.std()) * math.sqrt(num / (num - 1))))
    print(f"paired error over that of a bootstrap: {min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} pairs")


def find_runs() -> Comparison:
    """Return the comparison of the runs, after those that are missing were made."""
    try:
        comparison = compare_runs(name="verdicts")
    except UserError:
        known = set()
    else:
        known = {run.seed for group in comparison.groups for variant in group.variants for run in variant.runs}
    missing = [str(seed) for seed in range(1, NUM_RUNS + 1) if seed not in known]
    if missing:
        words = ["-m", *WORDS, f"seed={','.join(missing)}"]
        subprocess.run([sys.executable, "-m", "charrnn_exp", *words], check=True, stdout=subprocess.DEVNULL)
    return compare_runs(name="verdicts")


def is_found(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether the settings are called different."""
    found = compare_seeds(first.tolist(), second.tolist())
    return found is not None and found.p < LEVEL


if __name__ == "__main__":
    main()
