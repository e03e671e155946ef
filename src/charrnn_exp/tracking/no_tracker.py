"""The interface of a tracker, and the tracker of runs that are not tracked."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol


class Tracker(Protocol):
    """The interface of a tracker; all calls but `finish` return at once."""

    @property
    def run_id(self) -> str | None: ...

    @property
    def error(self) -> str | None:
        """The error because of which the store lacks something; None where it has everything."""
        ...

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the tracking thread."""
        ...

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None: ...

    def log_text(self, text: str, artifact_file: str) -> None: ...

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None: ...

    def log_files(self, files: Callable[[], AbstractContextManager[Mapping[Path, str]]]) -> None: ...

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None: ...


class NoTracker:
    """The tracker of tracking=none: it does nothing and does not import MLflow."""

    run_id: str | None = None
    error: str | None = None
    cpu_seconds = 0.0

    def log_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def log_text(self, text: str, artifact_file: str) -> None:
        """Do nothing."""

    def log_table(self, columns: Mapping[str, list[Any]], artifact_file: str) -> None:
        """Do nothing."""

    def log_files(self, files: Callable[[], AbstractContextManager[Mapping[Path, str]]]) -> None:
        """Do nothing."""

    def finish(self, status: str, *, artifacts: Mapping[Path, str]) -> None:
        """Do nothing."""
