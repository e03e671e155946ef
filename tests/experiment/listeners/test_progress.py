"""The lines of a training."""

from types import SimpleNamespace
from typing import Any

import pytest

from charrnn_exp.experiment.listeners.listener import RunEvent
from charrnn_exp.experiment.listeners.progress import ProgressLines
from charrnn_exp.training.progress import Progress
from charrnn_exp.views.progress import show_training
from charrnn_exp.views.terminal import Terminal
from tests.experiment.listeners.events import EPOCH, STEPS, VALIDATED


@pytest.mark.parametrize(
    ("is_validated", "expected"),
    [
        (True, "compiling\nepoch 1/2  step 3  train_loss 3.2500  val_loss 2.0000  13 chars/s\n"),
        (False, "compiling\nepoch 1/2  step 3  train_loss 3.0000  13 chars/s\n"),
    ],
)
def test_a_line_comes_after_a_validation_or_after_a_pass_where_there_is_none(
    capsys: pytest.CaptureFixture[str], is_validated: bool, expected: str
) -> None:
    state: Any = SimpleNamespace(progress=Progress(step=3, loss_sum=6.5, step_in_epoch=2))
    with show_training(Terminal(), num_steps=6, first_step=0, num_epochs=2) as view:
        lines = ProgressLines(view, state, characters_per_step=40, is_validated=is_validated)
        events: list[RunEvent] = [*STEPS, EPOCH]
        for event in [*events, *([VALIDATED] if is_validated else [])]:
            lines.hear(event)
    assert capsys.readouterr().out == expected
