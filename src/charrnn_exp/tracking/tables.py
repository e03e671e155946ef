"""The table of samples in MLflow, whose UI shows the tables of several runs side by side."""

from collections.abc import Iterable, Sequence
from typing import Any

TABLE = "samples.json"
"""Artifact name of the table."""


def build_table(
    texts: Sequence[str], *, run: str, step: int, val_loss: float | None, temperature: float
) -> dict[str, list[Any]]:
    """Return the columns of the table for the samples of one step, a row for each sample.

    The UI groups rows by the first column and compares the second; so the first names a sample alike in every run.

    >>> table = build_table(["ab", "cd"], run="a run", step=3, val_loss=None, temperature=0.8)
    >>> table["sample"], table["text"]
    (['step 3, text 1', 'step 3, text 2'], ['ab', 'cd'])
    """
    rounded = None if val_loss is None else round(val_loss, 4)
    same = {"run": run, "step": step, "val_loss": rounded, "temperature": temperature}
    return {
        "sample": [f"step {step:,}, text {i}" for i in range(1, len(texts) + 1)],
        "text": list(texts),
        **{name: [value] * len(texts) for name, value in same.items()},
    }


def find_val_loss(losses: Iterable[tuple[int, float]], step: int) -> float | None:
    """Return the validation loss that stands beside the samples of a step: the last up to it; None before the first.

    Args:
        losses: steps and losses of the validations, in their order.
        step: of the samples.

    >>> find_val_loss([(5, 2.5), (10, 2.25)], 9), find_val_loss([(5, 2.5)], 4)
    (2.5, None)
    """
    found = None
    for at, loss in losses:
        if at <= step:
            found = loss
    return found
