"""The plan of a sweep: its jobs, where each stands, and `sweep.json`, which tells of it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.files import LockHeldError, hold_lock, read_json, write_durably
from charrnn_exp.program import name_program

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
FILE = "sweep.json"
UNWRITTEN = ("settings", "is_resumed")
"""Fields of a job that its run folder has, or that the next attempt finds out anew."""


@dataclass
class Attempt:
    """A job's process.

    Args:
        folder: of its run, relative to that of the sweep.
        began: date and time.
        ended: date and time; None: not, or its parent was killed.
        exit_code: negative after a signal; None: it has not ended.
        reason: of its failure.
    """

    folder: str
    began: str
    ended: str | None = None
    exit_code: int | None = None
    reason: str = ""


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
        threads: cores that its kernels' threads, or its parts, keep busy.
        num_bytes: memory that the training needs, estimated.
        num_characters: that it trains on in all.
        state: waiting, running, done, failed or stopped.
        exit_code: of its process; negative after a signal; None: it has not ended.
        reason: of its failure.
        is_mistake: whether the user can mend the failure.
        attempts: in order.
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
    num_characters: int
    state: str = WAITING
    exit_code: int | None = None
    reason: str = ""
    is_mistake: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A sweep.

    Args:
        folder: its jobs lie in numbered folders below it, but for those that an earlier sweep has done.
        words: of the command.
        config_dir: of the command, as typed.
        jobs: in order.
    """

    folder: Path
    words: Sequence[str]
    config_dir: str | None
    jobs: Sequence[PlannedJob]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder and keep the sweep to this process; the lock goes with the process.

        Raises:
            MachineError: at once, if another process runs the sweep, or the folder cannot be written.
        """
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(hold_lock(self.folder / ".lock"))
            except LockHeldError as error:
                raise MachineError(
                    f"sweep {self.folder} is in use by process {error.holder}: wait for it or stop it."
                ) from error
            except OSError as error:
                raise MachineError(
                    f"cannot write the folder of the sweep {self.folder.absolute()} ({error.strerror}): "
                    "run from a folder you own with space on its disk."
                ) from error
            yield

    def begin(self, job: PlannedJob) -> None:
        """Note that the process of a job starts."""
        job.state = RUNNING
        job.attempts.append(Attempt(self._relate(job.folder), _now()))
        self.write()

    def end(self, job: PlannedJob, state: str, exit_code: int | None) -> None:
        """Note that the process of a job has ended."""
        job.state, job.exit_code = state, exit_code
        if job.attempts:
            attempt = job.attempts[-1]
            attempt.ended, attempt.exit_code, attempt.reason = _now(), exit_code, job.reason
        self.write()

    def stop_running(self) -> None:
        """Note that the jobs that still run are stopped."""
        for job in self.jobs:
            if job.state == RUNNING:
                self.end(job, STOPPED, None)

    def explain_stop(self) -> str:
        """Return how many jobs are done, and the command that goes on."""
        done = f"{self.count(DONE)} of {len(self.jobs)} jobs done"
        return f"stopped with {done}, in {self.folder}. Go on: {self.find_command()}"

    def find_command(self) -> str:
        """Return the command that runs the jobs that are not done."""
        if list_own_words(self.words, self.config_dir):
            return "give the same command again"
        return f"{name_program()} resume run={self.folder}"

    def write(self) -> None:
        """Replace `sweep.json`."""
        jobs = []
        for job in self.jobs:
            values = {key: value for key, value in asdict(job).items() if key not in UNWRITTEN}
            jobs.append(values | {"folder": self._relate(job.folder)})
        values = {"words": list(self.words), "config_dir": self.config_dir, "jobs": jobs}
        write_durably(self.folder / FILE, json.dumps(values, indent=2) + "\n")

    def count(self, *states: str) -> int:
        """Return the number of jobs in some states."""
        return sum(job.state in states for job in self.jobs)

    def place(self, job: PlannedJob) -> Path:
        """Return the run folder of a job."""
        return Path(job.folder)

    def log(self, job: PlannedJob) -> Path:
        """Return the file that has the output of a job's process."""
        return self.folder / f"job_{job.number}.log"

    def find_log(self, job: PlannedJob) -> Path:
        """Return the file that tells most of a job: of its process, else of its run."""
        return self.log(job) if self.log(job).exists() else self.place(job) / "run.log"

    def _relate(self, folder: str) -> str:
        return Path(os.path.relpath(folder, self.folder)).as_posix()


@dataclass(frozen=True)
class StoredPlan:
    """A `sweep.json` as it was read.

    Args:
        folder: of the sweep.
        words: of its command.
        config_dir: of its command, as typed.
        hashes: of its jobs, in order.
        folders: of their runs, in order; those that would lie outside outputs/ are left out.
        attempts: of its jobs, in order.
    """

    folder: Path
    words: list[str]
    config_dir: str | None
    hashes: list[str]
    folders: list[Path]
    attempts: list[list[Attempt]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the plan in the folder of a sweep.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        try:
            values = read_json(folder / FILE)
            jobs = values["jobs"]
            words, config_dir = [_check(word, str) for word in values["words"]], values.get("config_dir")
            return cls(
                folder=folder,
                words=words,
                config_dir=None if config_dir is None else _check(config_dir, str),
                hashes=[_check(job["hash"], str) for job in jobs],
                folders=list(_find_folders(folder, [_check(job["folder"], str) for job in jobs])),
                attempts=[[_read_attempt(each) for each in job.get("attempts", [])] for job in jobs],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"run must be the folder of a sweep, got {str(folder)!r}, whose {FILE} is damaged. "
                "Give its command again, with -m: what is done stays done."
            ) from error


def list_own_words(words: Sequence[str], config_dir: str | None) -> list[str]:
    """Return those words that are taken from the command line alone: they may name programs to run or addresses."""
    own = [word for word in words if word.lstrip("+~").startswith(("hydra.", "dataset.urls="))]
    return [*own, *([f"--config-dir {config_dir}"] if config_dir is not None else [])]


def is_sweep(folder: Path) -> bool:
    """Return whether a folder is that of a sweep with a plan."""
    with suppress(OSError, ValueError):  # a name that no file system has
        return (folder / FILE).is_file()
    return False


def _check(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _read_attempt(values: dict[str, Any]) -> Attempt:
    return Attempt(**{each.name: values[each.name] for each in fields(Attempt)})


def _find_folders(folder: Path, relative: Sequence[str]) -> Iterator[Path]:
    top = folder.absolute().parents[2] if len(folder.absolute().parts) > 3 else folder.absolute()
    for each in relative:
        found = Path(os.path.normpath(folder / each))
        if not Path(each).is_absolute() and found.absolute().is_relative_to(top):
            yield found


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
