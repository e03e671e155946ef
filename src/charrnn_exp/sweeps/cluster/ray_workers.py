"""The sweep's own side of a sweep on Ray: each job is an actor with the cores of the job, and its events a stream."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import charrnn_exp
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.carried import fetch_into, find_run_id, read_tracking
from charrnn_exp.sweeps.cluster.ray_node import Runner
from charrnn_exp.sweeps.request import Request

STOP_SECONDS = 10.0
"""For jobs to end at the end of a sweep, before their actors are killed."""


@dataclass
class _Running:
    """A job on Ray.

    Args:
        request: of the job.
        runner: handle of its actor.
        events: stream of references to its events.
        has_started: whether it has a node.
    """

    request: Request
    runner: Any
    events: Any
    has_started: bool = False


class RayWorkers:
    """The jobs of a sweep on Ray; they end with the sweep's own process, however that ends.

    Args:
        ray: the module, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray, self._running = ray, dict[int, _Running]()
        self._run_ids: dict[int, str] = {}
        """MLflow runs of the jobs whose machines do not see the folder of the sweep."""
        self._told: list[dict[str, Any]] = []

    def has_cores(self, threads: int) -> bool:
        """Return true: Ray keeps the jobs that wait for cores."""
        return True

    def has_memory(self, num_bytes: int) -> bool:
        """Return true: memory is that of other machines."""
        return True

    def start(self, request: Request) -> None:
        """Give Ray a job.

        Raises:
            UserError: if no node has the cores of the job.
        """
        cores = [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]
        if request.cores > max(cores, default=0):
            key = max(("threads", "parts"), key=lambda name: int(request.settings["training"][name]))
            raise UserError(
                f"training.{key} must be at most {max(cores, default=0)}, its largest node has, got {request.cores}."
            )
        run_id = self._run_ids.get(request.job) or find_run_id(RunFolder(Path(request.folder)))
        request = replace(request, run_id=run_id)
        actor = self._ray.remote(Runner).options(num_cpus=request.cores, max_restarts=0, max_concurrency=2)
        runner = actor.remote(str(Path.cwd()), charrnn_exp.__version__)
        events = runner.run.options(num_returns="streaming").remote(request.to_line())
        self._running[request.job] = _Running(request, runner, events)
        self._told.append({"job": request.job, "event": "queued"})

    def stop(self, job: int | None = None) -> None:
        """Let a job, or all, stop with a checkpoint; one that waits for a node does not start.

        Args:
            job: its index; None: all.
        """
        for number, running in list(self._running.items()):
            if job not in (None, number):
                continue
            if running.has_started:
                running.runner.stop.remote()
            else:
                self._drop(number)
                self._told.append({"job": number, "event": "ended", "code": -signal.SIGTERM})

    def read(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the events of the jobs; wait some seconds for the first."""
        told, self._told = self._told, []
        yield from told
        streams = {running.events: number for number, running in self._running.items()}
        if not streams:
            time.sleep(0.0 if told else seconds)
            return
        ready, _ = self._ray.wait(list(streams), num_returns=1, timeout=0.0 if told else seconds)
        if ready:
            ready, _ = self._ray.wait(list(streams), num_returns=len(streams), timeout=0.0)
        for stream in ready:
            if streams[stream] not in self._running:  # whoever heard of an earlier event has stopped it
                continue
            if (event := self._read_one(streams[stream], stream)) is not None:
                yield event

    def close(self) -> None:
        """End the jobs that still run."""
        self.stop()
        until = time.monotonic() + STOP_SECONDS
        with suppress(Exception):  # the cluster may have gone
            while self._running and time.monotonic() < until:
                for _ in self.read(0.2):
                    pass
        for number in list(self._running):
            self._drop(number)

    def _read_one(self, number: int, stream: Any) -> dict[str, Any] | None:
        """Return the next event of a job; a node that has died makes it `lost`."""
        try:
            event: dict[str, Any] = self._ray.get(next(stream))
        except StopIteration:
            self._running.pop(number, None)
            return None
        except self._ray.exceptions.RayTaskError as error:
            self._drop(number)
            self._told.append({"job": number, "event": "ended", "code": 1})
            return {"job": number, "event": "failed", "reason": one_line(error)[-500:], "is_mistake": False}
        except self._ray.exceptions.RayError as error:
            self._drop(number)
            return {"job": number, "event": "lost", "reason": _explain(error)}
        match event["event"]:
            case "started":
                self._running[number].has_started = True
            case "tracked":
                self._run_ids[number] = event["run_id"]
            case "ended":
                event = self._fetch(self._running[number].request, event)
                self._drop(number)
            case "lost":
                self._drop(number)
        return event

    def _fetch(self, request: Request, event: dict[str, Any]) -> dict[str, Any]:
        """Fetch a run that has ended on a machine that does not see the folder of the sweep; return its last event."""
        if (run_id := self._run_ids.get(request.job)) is None:
            return event
        try:
            if not fetch_into(RunFolder(Path(request.folder)), read_tracking(request), run_id, is_complete=True):
                raise MachineError(f"the tracking server has no checkpoint of its MLflow run {run_id}.")
        except CharRNNError as error:
            if event["code"]:
                return event  # it has failed by itself, and said why
            self._told.append(event | {"code": error.exit_code})
            return event | {"event": "failed", "reason": one_line(error), "is_mistake": False}
        return event

    def _drop(self, number: int) -> None:
        running = self._running.pop(number, None)
        if running is not None:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(running.runner)


def _explain(error: Exception) -> str:
    """Return the last line of a Ray error: the ones before it describe the actor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"its node was lost ({lines[-1][:300] if lines else type(error).__name__})"
