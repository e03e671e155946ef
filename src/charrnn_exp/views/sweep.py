"""The jobs of a sweep on the terminal: one live table of all; elsewhere a line for each that starts or ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from charrnn_exp.views.terminal import Terminal

BAR = 20
"""Columns of a bar, and of what stands in its place."""
SPARE_ROWS = 3
"""Of the terminal, left free by the table."""
STATES = ("running", "done", "waiting", "failed", "pruned", "stopped")
SHOWN_FIRST = ("running", "failed", "waiting", "done", "pruned", "stopped")
"""Which jobs keep their rows where the terminal has too few; of those that are done the last ones."""


ALWAYS_COUNTED = ("running", "done", "waiting", "failed")


@dataclass
class JobRow:
    """A job.

    Args:
        name: the settings that vary.
        state: one of `STATES`.
        val_loss: of a job that is done, nats per character; None: none.
        step: updates made.
        num_steps: of the run; 0: not known yet.
        loss: mean training loss.
    """

    name: str
    state: str
    val_loss: float | None = None
    step: int = 0
    num_steps: int = 0
    loss: str = "compiling"


class SweepView:
    """Shows a sweep; used as a context manager.

    Args:
        terminal: gets the lines.
        folder: of the sweep.
        rows: a row for each job, as it stands.
        num_jobs: of the sweep, where jobs are added on the way; None: those of the rows.
    """

    def __init__(
        self, terminal: Terminal, folder: Path, rows: Sequence[JobRow], *, num_jobs: int | None = None
    ) -> None:
        self._terminal, self._folder, self._rows = terminal, folder, list(rows)
        self._num_jobs = len(rows) if num_jobs is None else num_jobs
        self._live: Live | None = None

    def __enter__(self) -> "SweepView":
        self._terminal.title(f"charrnn_exp: {self._folder}")
        if self._terminal.width is not None and not self._terminal.console.is_dumb_terminal:
            self._live = Live(self, console=self._terminal.console, transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def add(self, row: JobRow) -> None:
        """Add a job."""
        self._rows.append(row)

    def start(self, job: int) -> None:
        """Show that a job has started."""
        self._rows[job].state = "running"
        if self._live is None:
            self._terminal.say(self._name(job))

    def step(self, job: int, step: int, num_steps: int, loss: str) -> None:
        """Show an update of a job."""
        row = self._rows[job]
        row.step, row.num_steps, row.loss = step, num_steps, loss

    def end(self, job: int, state: str, *, val_loss: float | None = None, told: str | None) -> None:
        """Show how a job ended.

        Args:
            job: its index.
            state: one of `STATES`.
            val_loss: nats per character; None: none.
            told: in words, for the line of the job; on a terminal the table has all but failures. None: no line.
        """
        row = self._rows[job]
        row.state, row.val_loss = state, val_loss
        if told is not None and (self._live is None or state == "failed"):
            self._terminal.say(f"{self._name(job)} {told}")

    def _name(self, job: int) -> str:
        return f"job {job + 1}/{self._num_jobs}: {self._rows[job].name}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for job in self._choose(console.size.height - SPARE_ROWS):
            row = self._rows[job]
            text = f"{_draw(row, ascii_only=options.ascii_only)} {_tell_loss(row):>9} {self._name(job)}"
            style = {"done": "green", "failed": "red", "running": ""}.get(row.state, "dim")
            yield Text(text, style=style, no_wrap=True, overflow="ellipsis")
        counts = ((sum(row.state == state for row in self._rows), state) for state in STATES)
        line = ", ".join(f"{count} {state}" for count, state in counts if count or state in ALWAYS_COUNTED)
        yield Text(line, no_wrap=True, overflow="ellipsis")

    def _choose(self, num_rows: int) -> list[int]:
        """Return the indices of the jobs that the table has room for."""
        return sorted(list(self._rank())[: max(1, num_rows)])

    def _rank(self) -> Iterator[int]:
        for state in SHOWN_FIRST:
            found = [job for job, row in enumerate(self._rows) if row.state == state]
            yield from found[::-1] if state == "done" else found


def _draw(row: JobRow, *, ascii_only: bool) -> str:
    """Return the bar of a running job, or the state of another."""
    if row.state != "running":
        return f"{row.state:<{BAR}}"
    full, empty = ("#", "-") if ascii_only else ("\u2501", "\u2500")
    done = round(BAR * min(1.0, row.step / row.num_steps)) if row.num_steps else 0
    return full * done + empty * (BAR - done)


def _tell_loss(row: JobRow) -> str:
    if row.state == "running":
        return row.loss
    return "" if row.val_loss is None else f"{row.val_loss:.4f}"
