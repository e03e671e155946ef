"""Samples as they lie in the run folder, and as rows of the table that the UI shows side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

SEPARATOR = "\n\n=== next sample ===\n\n"
"""Between the samples of one file."""
TABLE = "samples.json"
"""Name of the table among MLflow's artifacts."""


def build_table(
    texts: Sequence[str], *, run: str, step: int, val_loss: float | None, temperature: float
) -> dict[str, list[Any]]:
    """Return the columns of a step's samples, a row each.

    >>> build_table(["ab", "cd"], run="a run", step=3, val_loss=None, temperature=0.8)["text"]
    ['ab', 'cd']
    """
    rounded = None if val_loss is None else round(val_loss, 4)
    columns = {"run": run, "step": step, "val_loss": rounded, "temperature": temperature}
    return {**{name: [value] * len(texts) for name, value in columns.items()}, "text": list(texts)}


def read_samples(folder: Path) -> dict[int, list[str]]:
    """Return the samples of a folder by their step, in its order."""
    found = {}
    for path in folder.glob("step_*.txt"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        found[int(path.stem.removeprefix("step_"))] = text.removesuffix("\n").split(SEPARATOR)
    return dict(sorted(found.items()))
