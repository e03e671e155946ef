"""Metrics of a run on disk: one JSON object a line, each with its step."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.files import write_durably


class MetricsFile:
    """`metrics.jsonl`.

    Args:
        path: path of the file; rows are appended.
        last_step: step of the restored checkpoint; later rows are dropped, since a resumed run
            makes those steps again.
    """

    def __init__(self, path: Path, *, last_step: int) -> None:
        self._path = path
        kept = [line for line, row in _read_rows(path) if row["step"] <= last_step]
        write_durably(path, "".join(line + "\n" for line in kept))
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append one row and flush it to the operating system.

        Raises:
            MachineError: if the disk is full.
        """
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
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise MachineError(
                f"cannot write {self._path} ({error.strerror}): free some space or mend the folder, then resume."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return each metric's (step, value) pairs in the order they were written.

    Raises:
        MachineError: if a line has no step or holds other values than numbers.
    """
    curves: dict[str, list[tuple[int, float]]] = {}
    for step, row in read_rows(path):
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
