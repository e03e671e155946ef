"""`run=best`: the lowest validation loss among runs whose losses can be compared."""

from collections.abc import Sequence
from typing import Any

from charrnn_exp.errors import UserError
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.run_folder.overview import Overview, read_overview
from charrnn_exp.streams import write_note

MAX_GROUPS = 8
"""Texts and splits that a refusal lists."""


def find_best(runs: Sequence[RunFolder], reference: str, *, key: str) -> RunFolder:
    """Return the run with the lowest validation loss, and tell it on standard error.

    Args:
        runs: all below outputs/.
        reference: `best`, or `best:WHICH` of a name, a sweep or a text.
        key: the word or setting it was typed for, for the messages.

    Raises:
        UserError: if none has a validation loss, or the losses are of several texts or splits.
    """
    which = reference.partition(":")[2]
    found = [overview for overview in map(read_overview, runs) if not which or overview.is_of(which)]
    validated = [overview for overview in found if overview.best_val_loss is not None]
    if not validated:
        what = f"that {which!r} names (a name, a sweep, a text)" if which else f"below {OUTPUTS.absolute()}"
        raise UserError(
            f"{key} must be a run with a validation loss and a checkpoint, got {reference!r}, but none of the "
            f"{len(found)} runs {what} has both. `{name_program()} list` shows the runs."
        )
    groups: dict[tuple[Any, ...], list[Overview]] = {}
    for overview in validated:
        groups.setdefault(overview.protocol, []).append(overview)
    if len(groups) > 1:
        raise UserError(
            f"{key} must be the best of runs of one text and one split, got {reference!r} of {len(groups)}: "
            "their losses cannot be compared. Name one of these, or best:WHICH of a name, a sweep or a text.",
            *(
                f"{key}={_choose(group).folder.path}: {_describe(group)}"
                for group in list(groups.values())[:MAX_GROUPS]
            ),
        )
    best = _choose(validated)
    write_note(f"{reference} is {best.folder.path}: {_describe(validated)}")
    return best.folder


def _choose(overviews: Sequence[Overview]) -> Overview:
    """Return the best; of equals, the one worked on last."""
    return min(reversed(overviews), key=lambda each: each.best_val_loss or 0.0)


def _describe(overviews: Sequence[Overview]) -> str:
    best = _choose(overviews)
    runs = "one run" if len(overviews) == 1 else f"{len(overviews)} runs"
    return (
        f"val_loss {best.best_val_loss:.4f} at step {best.best_step:,}, the lowest of {runs} on {best.text_name} "
        f"(split {best.settings.get('dataset.split')})"
    )
