"""What a person reads while a run goes."""

import io
import sys

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


def test_escape_codes_and_bidi_marks_are_made_visible_and_text_stays(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().sample("title", "h\u00e9llo\n\u4f60\u3000\x1b[31m\u202e\x00")
    assert "h\u00e9llo\n\u4f60\u3000\\x1b[31m\\u202e\\x00\n" in capsys.readouterr().out


def test_all_that_is_said_goes_to_the_log_also_what_was_said_before_there_was_one() -> None:
    terminal = Terminal()
    said: list[str] = []
    warned: list[str] = []
    terminal.say("reading a")
    terminal.warn("odd")
    terminal.start_copies(said.append, warned.append)
    terminal.title("b\nc")
    terminal.stop_copies()
    assert (said, warned) == (["reading a", "b", "c"], ["odd"])


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_text_that_the_stream_cannot_hold_is_escaped(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    terminal = Terminal()
    terminal.sample("title", "\u4f60\u00e9\U0001f600")
    sys.stdout.flush()
    assert b"\\u4f60" in raw.getvalue()
    assert b"\\U0001f600" in raw.getvalue()


def test_a_pipe_is_none_of_the_terminals_that_the_environment_claims(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    Terminal().title("a line that is longer than twenty columns")
    assert capsys.readouterr().out == "a line that is longer than twenty columns\n"
