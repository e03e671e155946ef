"""The course of a run: its losses by step, by characters read and by seconds of updates."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from charrnn_exp.config.resumable import EPOCHWISE
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.changes import Change
from charrnn_exp.run_folder.metrics import read_rows
from charrnn_exp.sweeps.comparison.entries import Entry, is_inside

MAX_BYTES = 1 << 28
"""Largest metrics.jsonl that is read."""
SHAPE = (*EPOCHWISE, "training.gradient_accumulation_steps")
"""Settings whose product is the number of characters of an update."""


@dataclass(frozen=True)
class Point:
    """A validation.

    Args:
        step: updates made.
        characters: read in them.
        seconds: of the updates, without the first of each session, which compiles, and without validation.
        loss: validation loss, nats per character.
    """

    step: int
    characters: int
    seconds: float
    loss: float


def read_points(entry: Entry) -> list[Point]:
    """Return the validations of a run in order; none where its metrics are missing, damaged or too large."""
    metrics = entry.folder.metrics
    points: list[Point] = []
    with suppress(MachineError, OSError):
        if is_inside(metrics, entry.folder) and metrics.stat().st_size <= MAX_BYTES:
            points = list(_follow(read_rows(metrics), entry.settings, entry.changes))
    return points


def find_seconds(points: Sequence[Point], loss: float) -> float | None:
    """Return the seconds of updates until the first validation at a loss or below it; None: it was not reached.

    >>> find_seconds([Point(5, 50, 1.0, 2.0), Point(10, 100, 2.0, 1.5)], 1.6)
    2.0
    """
    return next((point.seconds for point in points if point.loss <= loss), None)


def _follow(
    rows: Iterator[tuple[int, dict[str, float]]], settings: Mapping[str, Any], changes: Sequence[Change]
) -> Iterator[Point]:
    """Yield the validations; a row of an update without a speed is the first of a session.

    The speed of a row is that of all characters of its session after the first update, so seconds follow from it.
    """
    characters = in_session = 0
    seconds = before = 0.0
    sizes = _list_sizes(settings, changes)
    for step, row in rows:
        if "train_loss" in row:
            while len(sizes) > 1 and sizes[1][0] < step:
                sizes.pop(0)
            characters += sizes[0][1]
            speed = row.get("chars_per_second")
            if speed is None:
                in_session, before = 0, seconds
            elif speed > 0.0:
                in_session += sizes[0][1]
                seconds = before + in_session / speed
        if "val_loss" in row:
            yield Point(step, characters, seconds, row["val_loss"])


def _list_sizes(settings: Mapping[str, Any], changes: Sequence[Change]) -> list[tuple[int, int]]:
    """Return the characters of an update after each step from which they hold, in order."""
    values = {key: settings.get(key) for key in SHAPE}
    found = []
    for change in reversed([change for change in changes if change.setting in SHAPE]):
        found.append((change.step, _multiply(values)))
        values[change.setting] = change.old
    return [(-1, _multiply(values)), *reversed(found)]


def _multiply(values: Mapping[str, Any]) -> int:
    product = 1
    for value in values.values():
        product *= value if type(value) is int and 0 < value < 2**31 else 1
    return product
