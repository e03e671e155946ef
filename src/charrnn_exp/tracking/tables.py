"""The table of samples in MLflow, whose UI shows the tables of several runs side by side."""

from collections.abc import Sequence
from typing import Any

TABLE = "samples.json"
"""Artifact name of the table."""


def build_table(
    texts: Sequence[str], *, run: str, step: int, val_loss: float | None, temperature: float
) -> dict[str, list[Any]]:
    """Return the columns of the table for the samples of one step, a row for each sample.

    >>> build_table(["ab", "cd"], run="a run", step=3, val_loss=None, temperature=0.8)["text"]
    ['ab', 'cd']
    """
    rounded = None if val_loss is None else round(val_loss, 4)
    columns = {"run": run, "step": step, "val_loss": rounded, "temperature": temperature}
    return {**{name: [value] * len(texts) for name, value in columns.items()}, "text": list(texts)}
