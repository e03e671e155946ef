"""What is asked of the process that forks the jobs of a sweep, a line of JSON each."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Request:
    """One job to be started.

    Args:
        job: its index.
        settings: plain values, as in `config.yaml`.
        folder: of the run.
        hash: of all that determines its numbers, as the sweep plans them.
        is_resumed: whether the run is there, and goes on.
        log: file for standard output and error of its process.
        name: of the run.
        sweep: label of the sweep's folder, a tag in MLflow; None: nothing varies.
        tags: further tags in MLflow.
        run_id: of the MLflow run, from which a machine that does not see the folder goes on; None: it begins.
    """

    job: int
    settings: dict[str, Any]
    folder: str
    hash: str
    is_resumed: bool
    log: str
    name: str
    sweep: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def cores(self) -> int:
        """Cores that the job keeps busy."""
        return max(int(self.settings["training"][name]) for name in ("threads", "parts"))

    def to_line(self) -> str:
        """Return the line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return the request in a line."""
        return cls(**json.loads(line))
