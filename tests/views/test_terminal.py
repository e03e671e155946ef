"""What a person reads while a run goes."""

import pytest

from charrnn_exp.views.terminal import Terminal, escape_controls, format_table


def test_escape_codes_and_bidi_marks_are_made_visible_and_text_stays() -> None:
    assert escape_controls("h\u00e9llo\n\t\u4f60\x1b[31m\u202e\x00") == "h\u00e9llo\n\t\u4f60\\x1b[31m\\u202e\\x00"


def test_columns_line_up() -> None:
    lines = format_table(["name", "n"], [["a", "1"], ["long name", "1,234"]]).split("\n")
    assert lines == ["name           n", "a              1", "long name  1,234"]


def test_without_a_terminal_an_epoch_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with terminal.training(num_steps=10, first_step=0, num_epochs=2) as view:
        for step in range(1, 6):
            view.step(step=step, epoch=1, loss=2.0, chars_per_second=1000.0)
        view.validated(1.5)
        view.epoch(epoch=1, step=5, loss=2.0)
    assert capsys.readouterr().out == "epoch 1/2  step 5  train_loss 2.0000  val_loss 1.5000  1,000 chars/s\n"


def test_square_brackets_in_a_sample_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().sample("title", "x[bold]y[/bold] :smile:")
    assert "x[bold]y[/bold] :smile:" in capsys.readouterr().out
