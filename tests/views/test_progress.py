"""The progress of a training, at every width."""

import io
import sys
import time
import types
from typing import Any

import pytest
from rich.console import Console

from charrnn_exp.views.progress import show_training
from charrnn_exp.views.terminal import Terminal


def make_terminal(width: int) -> Terminal:
    terminal = Terminal()
    terminal.console = Console(file=io.StringIO(), force_terminal=True, width=width, height=30, soft_wrap=True,
                               color_system=None, _environ={"TERM": "xterm"})  # fmt: skip
    return terminal


def draw(view: Any, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=True)
    console.print(view)
    file: Any = console.file
    return str(file.getvalue()).rstrip("\n")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test sets."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 200])
def test_the_bar_is_there_at_every_width_on_one_line_with_the_loss(width: int) -> None:
    view = show_training(make_terminal(width), num_steps=123_456, first_step=0, num_epochs=100)
    assert "compiling" in draw(view, width)
    assert "nan" not in draw(view, width)
    view.validated(1.987)
    for step in (1, 2):
        view.step(step=step, epoch=1, loss=2.345, chars_per_second=70_782.4)
    line = draw(view, width)
    assert "\n" not in line
    assert line.count("\u2501") + line.count("\u2500") >= 8
    assert "loss 2.345" in line
    assert ("left" in line) == (width >= 30)
    assert ("70,782 chars/s" in line) == (width >= 80)


def test_the_time_left_counts_no_compile(clock: list[float]) -> None:
    view = show_training(make_terminal(80), num_steps=10, first_step=0, num_epochs=1)
    clock[0] += 60.0  # the first update compiles
    view.step(step=1, epoch=1, loss=2.0, chars_per_second=None)
    assert view.find_seconds_left() is None
    clock[0] += 2.0
    view.step(step=2, epoch=1, loss=2.0, chars_per_second=9.0)
    assert view.find_seconds_left() == pytest.approx(16.0)


def test_a_resumed_run_counts_its_own_updates_alone(clock: list[float]) -> None:
    view = show_training(make_terminal(80), num_steps=110, first_step=100, num_epochs=1)
    view.step(step=101, epoch=1, loss=2.0, chars_per_second=None)
    clock[0] += 3.0
    view.step(step=102, epoch=1, loss=2.0, chars_per_second=9.0)
    assert view.find_seconds_left() == pytest.approx(24.0)


def test_without_a_terminal_it_says_compiling_and_a_line_every_ten_seconds(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with show_training(Terminal(), num_steps=100, first_step=0, num_epochs=2) as view:
        view.step(step=1, epoch=1, loss=3.0, chars_per_second=None)
        clock[0] += 11.0
        view.step(step=2, epoch=1, loss=3.0, chars_per_second=1234.5)
        view.step(step=3, epoch=1, loss=3.0, chars_per_second=1234.5)
        view.validated(1.5)
        view.epoch(epoch=1, step=3, loss=2.0)
    assert capsys.readouterr().out.splitlines() == [
        "compiling",
        "epoch 1/2  step 2/100  loss 3.0000  1,234 chars/s  1,078 s left",
        "epoch 1/2  step 3  train_loss 2.0000  val_loss 1.5000  1,234 chars/s",
    ]


def test_a_notebook_has_one_live_display(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []

    def display(text: object, display_id: bool) -> Any:
        assert display_id
        shown.append(repr(text))
        return types.SimpleNamespace(update=lambda text: shown.append(repr(text)))

    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    with show_training(Terminal(), num_steps=9, first_step=0, num_epochs=2) as view:
        view.step(step=1, epoch=1, loss=3.0, chars_per_second=None)
        for epoch in (1, 2):
            view.epoch(epoch=epoch, step=4 * epoch, loss=2.0)
    assert capsys.readouterr().out == ""
    assert shown[0] == "epoch 0/2  step 0/9  compiling"
    assert shown[-1] == "epoch 1/2  step 4  train_loss 2.0000\nepoch 2/2  step 8  train_loss 2.0000"
