"""The jobs of a sweep on the terminal: one live display of those that run, and a line for each that starts or ends."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from charrnn_exp.views.terminal import Terminal

BAR = 20
"""Columns of a bar."""


@dataclass
class _Running:
    """A running job.

    Args:
        name: the settings that vary.
        step: updates made.
        num_steps: of the run; 0: not known yet.
        loss: mean training loss.
    """

    name: str
    step: int = 0
    num_steps: int = 0
    loss: str = "compiling"


class SweepView:
    """Shows a sweep; used as a context manager.

    Args:
        terminal: gets the lines.
        folder: of the sweep.
        num_jobs: of the sweep.
        num_done: those that were done before.
    """

    def __init__(self, terminal: Terminal, folder: Path, num_jobs: int, *, num_done: int) -> None:
        self._terminal, self._folder, self._num_jobs = terminal, folder, num_jobs
        self._running: dict[int, _Running] = {}
        self._num_started = self._num_done = num_done
        self._num_failed = 0
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

    def start(self, job: int, name: str) -> None:
        """Show that a job has started."""
        self._running[job] = _Running(name)
        self._num_started += 1
        if self._live is None:
            self._terminal.say(self._name(job))

    def step(self, job: int, step: int, num_steps: int, loss: str) -> None:
        """Show an update of a job."""
        running = self._running[job]
        running.step, running.num_steps, running.loss = step, num_steps, loss

    def finish(self, job: int, val_loss: float | None, seconds: float) -> None:
        """Show that a job is done."""
        loss = "" if val_loss is None else f"val_loss {val_loss:.4f}, "
        self._num_done += 1
        self._terminal.say(f"{self._name(job)} done: {loss}{seconds:,.1f} s")
        del self._running[job]

    def fail(self, job: int, reason: str) -> None:
        """Show that a job failed."""
        self._num_failed += 1
        self._terminal.say(f"{self._name(job)} failed: {reason}")
        del self._running[job]

    def stop(self, job: int, reason: str) -> None:
        """Show that a job was stopped before its end, which is a result."""
        self._num_done += 1
        self._terminal.say(f"{self._name(job)} {reason}")
        del self._running[job]

    def _name(self, job: int) -> str:
        return f"job {job + 1}/{self._num_jobs}: {self._running[job].name}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full, empty = ("#", "-") if options.ascii_only else ("\u2501", "\u2500")
        for job, running in self._running.items():
            done = round(BAR * min(1.0, running.step / running.num_steps)) if running.num_steps else 0
            bar = full * done + empty * (BAR - done)
            yield Text(f"{bar} {running.loss} {self._name(job)}", no_wrap=True, overflow="ellipsis")
        waiting = self._num_jobs - self._num_started
        counts = f"{len(self._running)} running, {self._num_done} done, {waiting} waiting, {self._num_failed} failed"
        yield Text(counts, no_wrap=True, overflow="ellipsis")
