"""What a person reads while a run goes."""

import pytest

from charrnn_exp.views.progress import show_training
from charrnn_exp.views.terminal import Terminal


def test_without_a_terminal_an_epoch_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with show_training(terminal, num_steps=10, first_step=0, num_epochs=2) as view:
        for step in range(1, 6):
            view.step(step=step, epoch=1, loss=2.0, chars_per_second=1000.0)
        view.validated(1.5)
        view.epoch(epoch=1, step=5, loss=2.0)
    assert (
        capsys.readouterr().out == "compiling\nepoch 1/2  step 5  train_loss 2.0000  val_loss 1.5000  1,000 chars/s\n"
    )


def test_square_brackets_in_a_sample_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().sample("title", "x[bold]y[/bold] :smile:")
    assert "x[bold]y[/bold] :smile:" in capsys.readouterr().out
