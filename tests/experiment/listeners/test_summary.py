"""The summary of a run whose numbers are known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Chosen, RunEvent, Scored
from charrnn_exp.experiment.listeners.summary import SummaryFile
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.tracking.no_tracker import NoTracker
from charrnn_exp.training.loop import Saving
from tests.experiment.listeners.events import EVENTS, SAVED, SCORED, STEPS, VALIDATED


@pytest.fixture
def job(compose: Any, tmp_path: Path) -> Job:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return Job.of(prepare_run(compose()), folder, name="a run", began=0.0, is_resumed=True)


def make(job: Job, start: Any, before: Summary) -> SummaryFile:
    state = start().state
    return SummaryFile(job, state, NoTracker(), watch=Stopwatch(), previous=before, find_baseline=lambda: 1.25)


def test_the_summary_has_the_numbers_of_the_events(job: Job, start: Any) -> None:
    summary = make(job, start, Summary())
    summary.start()
    assert job.folder.read_summary() == Summary(status="RUNNING")
    for event in EVENTS:
        summary.hear(event)
    summary.close("FINISHED")
    found = job.folder.read_summary()
    assert (found.status, found.val_loss, found.val_loss_raw, found.ngram_val_loss) == ("FINISHED", 2.0, 2.25, 1.25)
    assert found.scores == {"val": SCORED.scores.as_dict()}
    characters, seconds = 2 * job.text.order.characters_per_step, sum(step.seconds for step in STEPS[1:])
    assert found.chars_per_second == pytest.approx(characters / seconds, abs=0.1), "the first update compiles"


def test_numbers_of_earlier_sessions_stay_until_there_are_new_ones_and_their_rows_are_newer(
    job: Job, start: Any
) -> None:
    before = Summary(status="KILLED", run_id="a1", val_loss=9.0, chars_per_second=7.5)
    summary = make(job, start, before)
    summary.hear(Saving())
    summary.hear(SAVED)
    found = job.folder.read_summary()
    assert (found.status, found.run_id, found.val_loss, found.chars_per_second) == ("RUNNING", "a1", 9.0, 7.5)
    job.folder.metrics.write_text('{"step": 0, "val_loss": 3.5}\n')
    summary = make(job, start, before)
    summary.hear(Saving())
    summary.hear(SAVED)
    assert (job.folder.read_summary().val_loss, job.folder.read_summary().val_loss_raw) == (3.5, 3.5)
    summary.hear(VALIDATED)
    summary.close("KILLED")
    assert (job.folder.read_summary().val_loss, job.folder.read_summary().val_loss_raw) == (2.0, 2.25)


@pytest.mark.parametrize(("status", "is_due"), [("FAILED", False), ("FAILED", True), ("KILLED", False)])
def test_until_the_first_own_checkpoint_of_a_resumed_run_only_the_status_changes(
    job: Job, start: Any, status: str, is_due: bool
) -> None:
    before = Summary(status="KILLED", step=7, val_loss=9.0, session_began=3.5, num_sessions=2, sample="a")
    job.folder.write_summary(before)
    summary = make(job, start, before)
    summary.start()
    events: list[RunEvent] = [*STEPS, VALIDATED]
    for event in events:
        summary.hear(event)
        assert job.folder.read_summary() == replace(before, status="RUNNING")
    if is_due:
        summary.hear(Saving())
    summary.close(status)
    if status == "FAILED" and not is_due:
        assert job.folder.read_summary() == replace(before, status=status)
    else:  # also after a signal, which ends the session as with a checkpoint
        assert job.folder.read_summary().num_sessions == 3


def test_scores_are_those_after_the_last_step(job: Job, start: Any) -> None:
    summary = make(job, start, Summary())
    summary.hear(Saving())
    summary.hear(SAVED)
    for event, expected in ((SCORED, ["val"]), (STEPS[0], [])):
        summary.hear(event)
        summary.write("RUNNING")
        assert list(job.folder.read_summary().scores or {}) == expected


def test_losses_of_blocks_stay_with_the_weights_that_they_are_of(job: Job, start: Any) -> None:
    """A session that scores nothing anew keeps them; an update, or another choice of weights, drops them."""
    earlier = {"val": [2.0, 2.5]}
    before = Summary(status="FINISHED", step=3, chosen_step=3, block_losses=earlier)
    new = Scored(4, "val", replace(SCORED.scores, block_losses=(1.0, 1.5)))
    cases: list[tuple[list[RunEvent], dict[str, list[float]] | None]] = [
        ([Chosen(3, is_best=False)], earlier),
        ([*STEPS], None),
        ([*STEPS, Chosen(4, is_best=False)], None),
        ([*STEPS, Chosen(3, is_best=True)], earlier),
        ([*STEPS, Chosen(4, is_best=False), new], {"val": [1.0, 1.5]}),
    ]
    for events, expected in cases:
        summary = make(job, start, before)
        for event in (Saving(), SAVED, *events):
            summary.hear(event)
        summary.close("FINISHED")
        assert job.folder.read_summary().block_losses == expected, events
