"""Metrics of a run on disk: one JSON object a line, each with its step."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.files import write_durably


class MetricsFile:
    """`metrics.jsonl`, untouched until `open`.

    Args:
        path: path of the file; rows are appended.
        last_step: step of the restored checkpoint; later rows are dropped, since a resumed run
            makes those steps again.
    """

    def __init__(self, path: Path, *, last_step: int) -> None:
        self._path, self._last_step = path, last_step
        self._file: TextIO | None = None

    def open(self) -> None:
        """Drop the rows after the last step, and get ready to append.

        Raises:
            MachineError: if the file is damaged.
            OSError: if it cannot be written.
        """
        kept = [line for line, row in _read_rows(self._path) if row["step"] <= self._last_step]
        write_durably(self._path, "".join(line + "\n" for line in kept))
        self._file = self._path.open("a", encoding="utf-8", buffering=1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append one row and flush it to the operating system.

        Raises:
            MachineError: if the disk is full.
        """
        assert self._file is not None
        try:
            self._file.write(json.dumps({"step": step, **metrics}) + "\n")
        except OSError as error:
            raise MachineError(
                f"cannot write {self._path} ({error.strerror}): free some space or mend the folder, then resume."
            ) from error

    def sync(self) -> None:
        """Sync all rows to disk.

        Raises:
            MachineError: if the disk is full.
        """
        assert self._file is not None
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise MachineError(
                f"cannot write {self._path} ({error.strerror}): free some space or mend the folder, then resume."
            ) from error

    def close(self) -> None:
        """Close the file where it was opened."""
        if self._file is not None:
            self._file.close()


def read_metrics(path: Path, *, last_step: int | None = None) -> dict[str, list[tuple[int, float]]]:
    """Return each metric's (step, value) pairs in the order they were written.

    Args:
        path: of the file; a missing one has no rows.
        last_step: later rows are left out; None: none is.

    Raises:
        MachineError: if a line has no step or holds other values than numbers.
    """
    curves: dict[str, list[tuple[int, float]]] = {}
    for step, row in read_rows(path):
        if last_step is not None and step > last_step:
            continue
        for name, value in row.items():
            curves.setdefault(name, []).append((step, value))
    return curves


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield step and metrics of each row, in the order they were written.

    Raises:
        MachineError: as for `read_metrics`.
    """
    for _, row in _read_rows(path):
        yield row.pop("step"), row


def _read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line and its values; a last line without a line break was cut by a kill and is skipped."""
    if not path.exists():
        return
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
            row = json.loads(line)
            if type(row["step"]) is not int or not all(type(value) in (int, float) for value in row.values()):
                raise ValueError(f"{line[:100]!r} in line {number}")
            yield line, row
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MachineError(
            f"{path} is damaged ({one_line(error)[:300]}): each line must hold a step and numbers."
        ) from error
