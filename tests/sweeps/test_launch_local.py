"""The loop over the jobs of a sweep: a machine that goes takes no job with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.schema import SweepConfig
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.signals import StopRequest
from charrnn_exp.sweeps.launch_local import MAX_LOSSES, Sweep
from charrnn_exp.sweeps.plan import DONE, FAILED, FILE, RUNNING, STOPPED, Plan
from charrnn_exp.sweeps.request import Request
from charrnn_exp.views.sweep import JobRow, SweepView
from charrnn_exp.views.terminal import Terminal
from tests.sweeps.test_plan import make_plan


class Machines:
    """Workers whose machines go, each job's as often as it says; then the job is done.

    Args:
        num_losses: for each job.
    """

    def __init__(self, *num_losses: int) -> None:
        self.left, self.requests = list(num_losses), list[Request]()
        self._events: list[dict[str, Any]] = []
        self.stops, self.end_status = 0, "FINISHED"

    def has_cores(self, threads: int) -> bool:
        return True

    def has_memory(self, num_bytes: int) -> bool:
        return True

    def start(self, request: Request) -> None:
        self.requests.append(request)
        folder = RunFolder(Path(request.folder))
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.config.write_text("{}")
        is_lost = self.left[request.job] > 0
        folder.write_summary(Summary(status="RUNNING" if is_lost else self.end_status))
        self.left[request.job] -= 1
        end = {"event": "lost", "reason": "no power"} if is_lost else {"event": "ended", "code": 0}
        self._events += [{"job": request.job, **each} for each in ({"event": "queued"}, {"event": "started"}, end)]

    def stop(self, job: int | None = None) -> None:
        self.stops += 1

    def read(self, seconds: float) -> Iterator[dict[str, Any]]:
        yield self._events.pop(0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(plan: Plan, machines: Machines, stop: StopRequest, *, keep_going: bool = True) -> None:
    plan.folder.mkdir(parents=True)
    rows = [JobRow(job.name, job.state) for job in plan.jobs]
    settings = SweepConfig(jobs=None, keep_going=keep_going, rerun=False, dry_run=False)
    with SweepView(Terminal(), plan.folder, rows) as view:
        Sweep(plan, machines, view, settings, None).run(stop)


def test_a_job_whose_machine_goes_runs_again_from_its_checkpoint() -> None:
    plan, machines = make_plan(num_jobs=2), Machines(2, 0)
    run(plan, machines, StopRequest())
    assert [job.state for job in plan.jobs] == [DONE, DONE]
    assert [request.is_resumed for request in machines.requests if request.job == 0] == [False, True, True]
    assert [request.is_resumed for request in machines.requests if request.job == 1] == [False]
    assert [attempt.reason for attempt in plan.jobs[0].attempts] == ["no power", "no power", ""]
    assert plan.jobs[0].reason == ""


def test_a_job_that_loses_every_machine_fails_and_the_others_go_on() -> None:
    plan, machines = make_plan(num_jobs=2), Machines(MAX_LOSSES + 5, 0)
    run(plan, machines, StopRequest())
    assert [job.state for job in plan.jobs] == [FAILED, DONE]
    assert len([request for request in machines.requests if request.job == 0]) == MAX_LOSSES + 1
    assert plan.jobs[0].reason == "no power"


def test_a_job_whose_machine_goes_while_the_sweep_stops_is_stopped() -> None:
    plan, stop = make_plan(num_jobs=1), StopRequest()
    machines = Machines(1)
    start = machines.start

    def start_and_ask(request: Request) -> None:
        start(request)
        stop.signal_number = 15

    machines.start = start_and_ask  # type: ignore[method-assign]
    run(plan, machines, stop)
    assert ([job.state for job in plan.jobs], machines.stops) == ([STOPPED], 1)


def test_a_job_that_ends_well_without_a_finished_run_is_not_done() -> None:
    """As where the tracking server, which alone has the run, was away."""
    plan, machines = make_plan(num_jobs=1), Machines(0)
    machines.end_status = "RUNNING"
    run(plan, machines, StopRequest())
    assert [job.state for job in plan.jobs] == [FAILED]
    assert plan.jobs[0].reason == f"ended without a finished run in {plan.jobs[0].folder}"


def test_after_an_error_no_job_is_said_to_run() -> None:
    plan, machines = make_plan(num_jobs=2), Machines(0, 0)

    def refuse(seconds: float) -> Iterator[dict[str, Any]]:
        raise MachineError("the queue is full.")

    machines.read = refuse  # type: ignore[method-assign]
    with pytest.raises(MachineError, match="full"):
        run(plan, machines, StopRequest())
    assert [job.state for job in plan.jobs] == [STOPPED, STOPPED]
    written = json.loads((plan.folder / FILE).read_text())["jobs"]
    assert [job["state"] for job in written] == [STOPPED, STOPPED]


def test_a_sweep_that_is_stopping_does_what_it_does_at_each_turn_until_its_last_job_has_ended() -> None:
    """A search tells other machines that it is there: they would take its trials for lost."""
    plan, stop, beats = make_plan(num_jobs=1), StopRequest(), list[int]()
    stop.signal_number = 15
    machines = Machines(0)

    class Beating(Sweep):
        def _beat(self) -> None:
            beats.append(self._plan.count(RUNNING))

    plan.folder.mkdir(parents=True)
    settings = SweepConfig(jobs=None, keep_going=True, rerun=False, dry_run=False)
    with SweepView(Terminal(), plan.folder, [JobRow("a", plan.jobs[0].state)]) as view:
        sweep = Beating(plan, machines, view, settings, None)
        sweep._start(plan.jobs[0])
        sweep.run(stop)
    assert machines.stops == 1
    assert beats == [1, 1, 1], "once before each event"
