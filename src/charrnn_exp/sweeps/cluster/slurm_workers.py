"""The sweep's own side of a sweep on Slurm: each job is one of submitit's, and writes its events into a file."""

import json
import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charrnn_exp.config.launchers import Cluster, SlurmConfig
from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.sweeps.cluster.ray_node import STOPS
from charrnn_exp.sweeps.cluster.slurm_node import BEAT_SECONDS, Submission
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.workers import ENVIRONMENT

POLL_SECONDS = {Cluster.slurm: 1.0, Cluster.local: 0.2}
"""From one look at the files of events to the next."""
ASK_SECONDS = {Cluster.slurm: 20.0, Cluster.local: 0.5}
"""From one question to the queue to the next."""
STOP_SECONDS = 30.0
"""For jobs to end at the end of a sweep: Slurm's own time from SIGTERM to SIGKILL."""


@dataclass
class _Submitted:
    """A job in the queue.

    Args:
        job: submitit's.
        events: file of its events.
        num_read: bytes of it.
        has_started: whether it has begun.
        is_stopped: whether it was asked to stop.
    """

    job: Any
    events: Path
    num_read: int = field(default=0)
    has_started: bool = False
    is_stopped: bool = False


class SlurmWorkers:
    """The jobs of a sweep on Slurm, or in submitit's local queue; they end a minute after the sweep's own process.

    Args:
        executor: of submitit.
        folder: for its files, of mode 0700.
        cluster: the kind of queue.
    """

    def __init__(self, executor: Any, folder: Path, cluster: Cluster) -> None:
        self._executor, self._folder, self._cluster = executor, folder, cluster
        self._submitted: dict[int, _Submitted] = {}
        self._told: list[dict[str, Any]] = []
        self._num_submitted, self._beat_at, self._asked_at = 0, 0.0, time.monotonic()
        self.has_failed = False
        """Whether the files of submitit may tell why."""

    def has_cores(self, threads: int) -> bool:
        """Return true on Slurm, whose queue keeps the jobs that wait for cores."""
        return self._cluster is Cluster.slurm or threads <= count_cores()

    def has_memory(self, num_bytes: int) -> bool:
        """Return true: memory is that of other machines."""
        return True

    def start(self, request: Request) -> None:
        """Submit a job.

        Raises:
            MachineError: if the queue does not take it.
        """
        self._beat()
        events = self._folder / f"{self._num_submitted}.events"
        self._num_submitted += 1
        submission = Submission(request.to_line(), str(Path.cwd()), str(events), str(self._folder / "beat"))
        if self._cluster is Cluster.slurm:
            self._executor.update_parameters(cpus_per_task=request.cores)
        try:
            with _quiet_environment():
                job = self._executor.submit(submission)
        except Exception as error:  # submitit raises its own, subprocess' and Python's
            raise MachineError(f"{self._cluster.name} does not take the job: {one_line(error)[:500]}") from error
        self._submitted[request.job] = _Submitted(job, events)
        self._told.append({"job": request.job, "event": "queued"})

    def stop(self, job: int | None = None) -> None:
        """Let a job, or all, stop with a checkpoint; one that waits in the queue leaves it.

        Args:
            job: its index; None: all.
        """
        for number, submitted in self._submitted.items():
            if job in (None, number) and not submitted.is_stopped:  # a second signal would end it without one
                submitted.is_stopped = True
                self._end(submitted)

    def read(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the events of the jobs; wait some seconds for the first."""
        self._beat()
        if not self._told:
            time.sleep(max(seconds, POLL_SECONDS[self._cluster]))
        told, self._told = self._told, []
        yield from told
        for number, submitted in list(self._submitted.items()):
            yield from self._read_events(number, submitted)
        if time.monotonic() - self._asked_at >= ASK_SECONDS[self._cluster]:
            for number in self._find_gone():
                submitted = self._submitted[number]
                yield from self._read_events(number, submitted)
                if number in self._submitted:
                    yield from self._explain_gone(number, submitted)
            self._asked_at = time.monotonic()

    def close(self) -> None:
        """End the jobs that still run."""
        self.stop()
        until = time.monotonic() + STOP_SECONDS
        while self._submitted and time.monotonic() < until:
            for _ in self.read(0.2):
                pass
        for submitted in self._submitted.values():
            with suppress(Exception):
                submitted.job.cancel(check=False)

    def _read_events(self, number: int, submitted: _Submitted) -> Iterator[dict[str, Any]]:
        """Yield the events since the last call; the last of all takes the job off the list."""
        with suppress(FileNotFoundError), submitted.events.open("rb") as file:
            file.seek(submitted.num_read)
            whole, newline, _ = file.read().rpartition(b"\n")
            submitted.num_read += len(whole) + len(newline)
            for line in whole.split(b"\n") if newline else []:
                event = json.loads(line)
                submitted.has_started = True
                if event["event"] in ("ended", "lost"):
                    self._submitted.pop(number, None)
                self.has_failed |= event["event"] == "ended" and event["code"] not in (0, *STOPS)
                yield event

    def _find_gone(self) -> list[int]:
        """Return the jobs that the queue no longer has."""
        if self._cluster is Cluster.local:
            return [number for number, submitted in self._submitted.items() if submitted.job.done()]
        # Not submitit's question to sacct: a cluster need not keep accounts.
        asked = ["squeue", "--noheader", "--me", "--format=%A"]
        try:
            answer = subprocess.run(asked, capture_output=True, text=True, timeout=STOP_SECONDS, check=True).stdout
        except (OSError, subprocess.SubprocessError):  # it is asked again
            return []
        queued = set(answer.split())
        return [number for number, submitted in self._submitted.items() if submitted.job.job_id not in queued]

    def _explain_gone(self, number: int, submitted: _Submitted) -> Iterator[dict[str, Any]]:
        """Yield the last events of a job that ended without a word."""
        del self._submitted[number]
        reason = "it is no longer in the queue"
        if submitted.is_stopped:
            yield {"job": number, "event": "ended", "code": -signal.SIGTERM}
        elif submitted.has_started:
            yield {"job": number, "event": "lost", "reason": reason}
        else:
            self.has_failed = True
            lines = (submitted.job.stderr() or "").strip().splitlines()
            reason = lines[-1][:300] if lines else reason
            yield {"job": number, "event": "failed", "reason": f"did not begin ({reason})", "is_mistake": False}
            yield {"job": number, "event": "ended", "code": 1}

    def _end(self, submitted: _Submitted) -> None:
        job = submitted.job
        with suppress(OSError, subprocess.SubprocessError):
            if self._cluster is Cluster.local:
                os.kill(int(job.job_id), signal.SIGTERM)  # it passes the signal on
            elif submitted.has_started:
                subprocess.run(["scancel", "--signal=TERM", job.job_id], timeout=STOP_SECONDS, check=True)
            else:
                job.cancel(check=False)

    def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beat_at = time.monotonic()
            (self._folder / "beat").write_text(str(self._beat_at), encoding="ascii")


@contextmanager
def start_slurm(config: SlurmConfig, folder: Path) -> Iterator[SlurmWorkers]:
    """Submit jobs to Slurm, or to submitit's local queue; all end with the block.

    Args:
        config: of the queue.
        folder: of the sweep, on a disk that all machines see.

    Raises:
        MachineError: if there is no Slurm on this machine.
    """
    import submitit

    # Pickles of ours lie in it, which the jobs load: nobody else may write there.
    own = Path(tempfile.mkdtemp(prefix=".submitit_", dir=folder)).absolute()
    options = {} if config.python is None else {"python": config.python}
    executor: Any
    try:
        if config.cluster is Cluster.local:
            executor = submitit.LocalExecutor(own, **options)
            executor.update_parameters(timeout_min=config.timeout_min, setup=config.setup or [])
        else:
            executor = submitit.SlurmExecutor(own, **options)
            executor.update_parameters(**_list_parameters(config))
    except Exception as error:  # submitit raises its own and Python's
        shutil.rmtree(own, ignore_errors=True)
        raise MachineError(f"cannot use Slurm on this machine: {one_line(error)[:500]}") from error
    workers = SlurmWorkers(executor, own, config.cluster)
    try:
        yield workers
    finally:
        workers.close()
        if not workers.has_failed:
            shutil.rmtree(own, ignore_errors=True)


def _list_parameters(config: SlurmConfig) -> dict[str, Any]:
    """Return the settings by submitit's names."""
    chosen = {
        "partition": config.partition,
        "account": config.account,
        "qos": config.qos,
        "constraint": config.constraint,
        "mem": None if config.mem_gb is None else f"{config.mem_gb}GB",
        "setup": config.setup,
    }
    return {
        "job_name": "charrnn_exp",
        "time": math.ceil(config.timeout_min),
        # A job that was stopped is submitted again by the sweep, and goes on from its checkpoint.
        "additional_parameters": {"no_requeue": True, **config.additional_parameters},
        **{name: value for name, value in chosen.items() if value is not None},
    }


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """Let the processes that are started in the block import as forks do, and not hear Ctrl-C: it is for this one."""
    before = dict(os.environ)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
