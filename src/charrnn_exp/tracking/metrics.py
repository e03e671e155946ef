"""Metrics, written first to the run folder: one JSON object a line, the step in each."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charrnn_exp.errors import MachineError


class MetricsFile:
    """`metrics.jsonl`.

    Args:
        path: of the file, appended to.
        last_step: rows after this step are dropped first; they belong to steps that a resumed run makes again.
    """

    def __init__(self, path: Path, *, last_step: int) -> None:
        self._path = path
        kept = [line for line in _read_whole_lines(path) if json.loads(line)["step"] <= last_step]
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        temporary.rename(path)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append one row and hand it to the operating system.

        Raises:
            MachineError: if the disk is full.
        """
        try:
            self._file.write(json.dumps({"step": step, **metrics}) + "\n")
        except OSError as error:
            raise MachineError(f"{self._path} must be writable, got {error.strerror}.") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return each metric's (step, value) pairs in the order they were written."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in _read_whole_lines(path):
        row: dict[str, Any] = json.loads(line)
        step = row.pop("step")
        for name, value in row.items():
            curves.setdefault(name, []).append((step, value))
    return curves


def _read_whole_lines(path: Path) -> list[str]:
    """Return the lines; a last one without a line break was cut by a kill and does not count."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8").split("\n")[:-1]
