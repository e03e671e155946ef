"""The plan of a sweep: its jobs, where each stands, and `sweep.json`, which tells of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from charrnn_exp.files import write_durably

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"


@dataclass
class PlannedJob:
    """A job of a sweep.

    Args:
        number: from 0; of its folder, if that is new.
        hash: of all that determines its numbers.
        folder: of its run, with the folder of the sweep or elsewhere below outputs/.
        is_resumed: whether the run is there, and goes on.
        name: the settings that vary.
        settings: plain values, as in `config.yaml`.
        threads: of its kernels.
        num_bytes: memory that the training needs, estimated.
        state: waiting, running, done, failed or stopped.
        exit_code: of its process; negative after a signal; None: it has not ended.
        reason: of its failure.
        is_mistake: whether the user can mend the failure.
        tags: further tags of the MLflow run.
    """

    number: int
    hash: str
    folder: str
    is_resumed: bool
    name: str
    settings: dict[str, Any]
    threads: int
    num_bytes: int
    state: str = WAITING
    exit_code: int | None = None
    reason: str = ""
    is_mistake: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A sweep.

    Args:
        folder: its jobs lie in numbered folders below it.
        words: of the command.
        jobs: in order.
    """

    folder: Path
    words: Sequence[str]
    jobs: Sequence[PlannedJob]

    def write(self) -> None:
        """Replace `sweep.json`."""
        values = {"words": list(self.words), "jobs": [asdict(job) for job in self.jobs]}
        write_durably(self.folder / "sweep.json", json.dumps(values, indent=2) + "\n")

    def count(self, *states: str) -> int:
        """Return the number of jobs in some states."""
        return sum(job.state in states for job in self.jobs)

    def place(self, job: PlannedJob) -> Path:
        """Return the run folder of a job."""
        return Path(job.folder)

    def log(self, job: PlannedJob) -> Path:
        """Return the file that has the output of a job's process."""
        return self.folder / f"job_{job.number}.log"
