"""The sentences on the end of a training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.plan import BatchPlan, plan_run
from charrnn_exp.experiment.ends import advise_longer, explain_end, warn_of_length
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.training.progress import Progress, is_finished
from tests.conftest import compose_once


@pytest.fixture(scope="module")
def training() -> TrainingConfig:
    """Four epochs of seven updates on 101 characters."""
    return replace(compose_once().training, batch_size=2, sequence_length=7, epochs=4)


def plan(training: TrainingConfig) -> BatchPlan:
    return plan_run(101, training, seed=3)


EARLY = Progress(step=14, epoch=2, best_val_loss=1.5, best_step=7, validations_since_best=2)


def test_early_stopping_says_when_it_came_and_which_checkpoint_is_best(training: TrainingConfig) -> None:
    assert explain_end(EARLY, replace(training, early_stopping_patience=2), plan(training)) == (
        "early stopping after step 14 (epoch 2 of 4): 2 validations without a better val_loss. The best, 1.5000, is of "
        "step 7: scores, sample and the verbs take it."
    )


def test_a_run_that_max_steps_ended_is_told_of_it(training: TrainingConfig) -> None:
    reason = explain_end(Progress(step=9, epoch=1, step_in_epoch=2), replace(training, max_steps=9), plan(training))
    assert reason == "training.max_steps=9 ended the training in epoch 2 of 4, which have 28 updates."


def test_all_epochs_need_no_reason(training: TrainingConfig) -> None:
    for max_steps in (None, 28, 50):
        done = Progress(step=28, epoch=4)
        assert explain_end(done, replace(training, max_steps=max_steps), plan(training)) is None


@pytest.mark.parametrize(
    ("progress", "max_steps", "patience", "words"),
    [
        (EARLY, None, 2, "training.early_stopping_patience=4"),
        (Progress(step=9, epoch=1), 9, None, "training.max_steps=18"),
        (Progress(step=20, epoch=2), 20, None, "training.max_steps=null"),
        (Progress(step=28, epoch=4), None, None, "training.epochs=8"),
        (Progress(step=28, epoch=4), 28, None, "training.epochs=8 training.max_steps=null"),
        (Progress(step=28, epoch=4), 3, None, "training.epochs=8 training.max_steps=null"),
        (Progress(step=70, epoch=10), None, None, "training.epochs=20"),
    ],
)
def test_the_command_to_go_on_longer_does(
    training: TrainingConfig, progress: Progress, max_steps: int | None, patience: int | None, words: str
) -> None:
    settings = replace(training, max_steps=max_steps, early_stopping_patience=patience)
    advice = advise_longer(progress, settings, plan(settings), RunFolder(Path("there")))
    assert advice.endswith(f"resume run=there {words}")
    changes = dict(word.removeprefix("training.").split("=") for word in words.split())
    values: dict[str, Any] = {name: None if value == "null" else int(value) for name, value in changes.items()}
    longer = replace(settings, **values)
    assert is_finished(progress, settings, num_steps=plan(settings).count_steps(settings))
    assert not is_finished(progress, longer, num_steps=plan(longer).count_steps(longer))


def test_a_number_of_steps_that_the_epochs_do_not_have_is_told(training: TrainingConfig) -> None:
    assert warn_of_length(training, plan(training)) == []
    assert warn_of_length(replace(training, max_steps=28), plan(training)) == []
    (line,) = warn_of_length(replace(training, max_steps=30), plan(training))
    assert line == (
        "training.max_steps=30 is not reached: training.epochs=4 ends the run after 28 updates. training.epochs=5 "
        "makes them all."
    )
