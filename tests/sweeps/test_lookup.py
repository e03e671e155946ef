"""Runs that a sweep need not make again, or goes on with."""

import time
from pathlib import Path

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.resume_point import ResumePoint, find_resume_point
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.sweeps import lookup, planning
from charrnn_exp.sweeps.lookup import Found, find_earlier
from charrnn_exp.sweeps.planning import take_earlier
from charrnn_exp.views.terminal import Terminal
from tests.sweeps.test_plan import make_plan


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of a job that was killed before its first checkpoint."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(Path("outputs/a/2026-01-02/03-04-05-000006/0"))
    folder.path.mkdir(parents=True)
    folder.config.write_text("{}")
    folder.write_summary(Summary(status="RUNNING", job_hash="hash 0"))
    return folder


def test_a_run_that_another_process_is_at_is_waited_for_and_not_made_twice(killed: RunFolder) -> None:
    told: list[str] = []
    with killed.lock():
        assert find_earlier({"hash 0"}) == {}, "a search leaves it aside"
        began = time.monotonic()
        with pytest.raises(
            MachineError, match=rf"runs jobs of this sweep \(1, the first in {killed.path}\): wait for its end, "
        ):
            find_earlier({"hash 0"}, wait_seconds=1.2, tell=told.append)
        assert told == [f"waiting up to 1 s for jobs that another process still runs: {killed.path}"]
        assert time.monotonic() - began >= 1.0
        assert find_earlier({"hash 1"}, wait_seconds=60.0) == {}, "it is of no job of this sweep"
    (found,) = find_earlier({"hash 0"}, wait_seconds=60.0).values()
    assert (found.folder.path, found.is_done) == (killed.path, False)


def test_of_jobs_that_differ_in_names_alone_one_goes_on(killed: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(num_jobs=2)
    plan.jobs[1].hash = plan.jobs[0].hash
    found = Found(killed, is_done=False)
    monkeypatch.setattr(planning, "find_earlier", lambda hashes, **_: {"hash 0": found})
    take_earlier(plan, Terminal())
    assert [job.is_resumed for job in plan.jobs] == [True, False]
    assert [job.folder for job in plan.jobs] == [str(killed.path), make_plan().jobs[1].folder]


def test_whoever_looks_at_a_run_does_not_hold_it(killed: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoint may be large, and the sweep that goes on with it tries the lock once."""
    looked: list[Path] = []

    def read(store: CheckpointStore) -> ResumePoint:
        with killed.lock():
            looked.append(killed.path)
        return find_resume_point(store)

    monkeypatch.setattr(lookup, "find_resume_point", read)
    assert find_earlier({"hash 0"}).keys() == {"hash 0"}
    assert looked == [killed.path]


def test_only_the_folders_that_are_named_are_looked_at(killed: RunFolder) -> None:
    assert find_earlier({"hash 0"}, folders=[killed]).keys() == {"hash 0"}
    assert find_earlier({"hash 0"}, folders=[]) == {}
