"""Samples of kept checkpoints."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.samples import Samples
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.samples import list_samples, read_samples
from charrnn_exp.training.loop import EpochDone, Saved, Saving, StepDone


def test_a_kept_checkpoint_has_samples_and_a_restored_one_gets_those_that_it_lacks(
    compose: Any, start: Any, tmp_path: Path
) -> None:
    run, sent, shown = start("sampling.num_samples=2"), [], []
    folder = RunFolder(tmp_path / "run")
    folder.samples.mkdir(parents=True)
    job = Job.of(prepare_run(compose("sampling.num_samples=2")), folder, name="a run", began=0.0)
    run.checkpoints.save(run.state.snapshot(), kept=True)
    (restored,) = run.checkpoints.find_all()

    def make() -> Samples:
        return Samples(
            job,
            run.state,
            restored,
            watch=Stopwatch(),
            send=lambda step, path, texts: sent.append((step, path.exists(), len(texts))),
            show=lambda title, text: shown.append(text),
        )

    samples = make()
    samples.start()
    assert list(folder.samples.iterdir()) == [], "it is held until the first own checkpoint"
    samples.hear(Saving())
    assert sent == [(0, True, 2)]
    again = make()
    again.start()
    again.hear(Saving())
    assert len(sent) == 1, "it is there"
    samples.hear(Saved(3, kept=False, seconds=0.1))
    samples.hear(Saved(5, kept=True, seconds=0.1))
    assert sent[1:] == [(5, True, 2)]
    samples.finish()
    written = read_samples(folder.samples, job.config.dataset, warn=pytest.fail)
    assert list(written) == [0, 5]
    assert written[5] == shown
    assert all(len(text) == 1 + 11 for text in shown), "the prompt and sampling.length characters"


def note(sent: list[int], step: int, path: Path, texts: Sequence[str]) -> None:
    sent.append(step)


def step_to(step: int) -> StepDone:
    return StepDone(step, 1, 2.0, gradient_norm=0.5, learning_rate=0.1, seconds=0.1)


def test_samples_come_as_often_as_asked_and_in_a_session_that_goes_on_from_its_first_checkpoint_on(
    compose: Any, start: Any, tmp_path: Path
) -> None:
    words = ["sampling.every_steps=3", "sampling.every_epochs=2"]
    run = start(*words)
    run.checkpoints.save(run.state.snapshot(), kept=False)
    (restored,) = run.checkpoints.find_all()
    for name, checkpoint in (("new", None), ("resumed", restored)):
        folder, sent = RunFolder(tmp_path / name), list[int]()
        folder.samples.mkdir(parents=True)
        samples = Samples(
            Job.of(prepare_run(compose(*words)), folder, name="a run", began=0.0),
            run.state,
            checkpoint,
            watch=Stopwatch(),
            send=partial(note, sent),
            show=lambda title, text: None,
        )
        samples.start()
        for step in range(1, 8):
            samples.hear(step_to(step))
        samples.hear(EpochDone(8, 1, 2.0))
        samples.hear(EpochDone(9, 2, 2.0))
        assert sent == ([3, 6, 9] if checkpoint is None else []), name
        samples.hear(Saving())
        samples.hear(Saved(9, kept=True, seconds=0.1))  # the sample of this step is there
        samples.hear(step_to(12))
        assert sent == [3, 6, 9, 12], name
        assert list(list_samples(folder.samples)) == [3, 6, 9, 12]
