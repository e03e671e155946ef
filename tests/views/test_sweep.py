"""The table of a sweep: every job has a row, or the most telling where there is no room."""

from pathlib import Path

import pytest
from rich.console import Console

from charrnn_exp.views.sweep import JobRow, SweepView
from charrnn_exp.views.terminal import Terminal


def draw(view: SweepView, *, width: int = 60, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(view)
    return capture.get().splitlines()


def make_view(states: str) -> tuple[SweepView, list[JobRow]]:
    names = {"w": "waiting", "d": "done"}
    rows = [JobRow(f"seed={i}", names[state], 1.5 if state == "d" else None) for i, state in enumerate(states)]
    return SweepView(Terminal(), Path("outputs/a"), rows), rows


def test_each_job_has_a_row_with_its_bar_or_its_state() -> None:
    view, _ = make_view("dwww")
    view.start(1)
    view.start(2)
    view.step(1, 5, 10, "1.823")
    view.end(2, "failed", told="failed: no room")
    assert draw(view) == [
        "done                    1.5000 job 1/4: seed=0",
        "\u2501" * 10 + "\u2500" * 10 + "     1.823 job 2/4: seed=1",
        "failed                         job 3/4: seed=2",
        "waiting                        job 4/4: seed=3",
        "1 running, 1 done, 1 waiting, 1 failed",
    ]


def test_a_short_terminal_keeps_what_runs_then_what_waits() -> None:
    view, _ = make_view("dd" + "w" * 98)
    for job in range(90, 93):
        view.start(job)
    drawn = draw(view, height=10)
    assert len(drawn) == 8
    assert [line.split("job ")[1] for line in drawn[:-1]] == [
        *(f"{i}/100: seed={i - 1}" for i in (3, 4, 5, 6, 91, 92, 93)),
    ]
    assert drawn[-1] == "3 running, 2 done, 95 waiting, 0 failed"


def test_no_row_is_wider_than_the_terminal() -> None:
    view, rows = make_view("w" * 3)
    rows[0].name = "model.hidden_size=128 optimizer.learning_rate=0.001 model.dropout=0.1"
    assert all(len(line) <= 40 for line in draw(view, width=40))


def test_lines_tell_the_same_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    view, _ = make_view("dww")
    with view:
        view.start(1)
        view.step(1, 5, 10, "1.823")
        view.end(1, "done", val_loss=1.25, told="done: val_loss 1.2500, 3.0 s")
        view.start(2)
        view.end(2, "failed", told="failed: no room")
    assert capsys.readouterr().out.splitlines() == [
        "charrnn_exp: outputs/a",
        "job 2/3: seed=1",
        "job 2/3: seed=1 done: val_loss 1.2500, 3.0 s",
        "job 3/3: seed=2",
        "job 3/3: seed=2 failed: no room",
    ]
