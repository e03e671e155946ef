"""The progress of a training: a bar on a terminal, one live display in a notebook, plain lines elsewhere."""

import sys
import time
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from charrnn_exp.streams import measure
from charrnn_exp.views.terminal import Terminal

PLAIN_LINE_EVERY_SECONDS = 10.0
NOTEBOOK_EVERY_SECONDS = 0.5
LEAST_BAR, LARGEST_BAR = 8, 40
"""Columns of the bar."""
COMPILING = "compiling"


def show_training(terminal: Terminal, *, num_steps: int, first_step: int, num_epochs: int) -> "TrainingView":
    """Return the progress view of a training.

    Args:
        terminal: of the run.
        num_steps: updates of the whole run.
        first_step: updates made by earlier sessions.
        num_epochs: passes of the whole run.
    """
    is_plain = terminal.width is None or terminal.console.is_dumb_terminal
    kind = _NotebookView if _find_display() is not None else _LineView if is_plain else _BarView
    return kind(terminal, num_steps, first_step, num_epochs)


class TrainingView:
    """Progress of one training; used as a context manager.

    Args:
        terminal: gets the lines.
        num_steps: updates of the whole run.
        first_step: updates made by earlier sessions.
        num_epochs: passes of the whole run.
    """

    def __init__(self, terminal: Terminal, num_steps: int, first_step: int, num_epochs: int) -> None:
        self._terminal = terminal
        self._num_steps, self._first_step, self._num_epochs = num_steps, first_step, num_epochs
        self._step, self._epoch = first_step, 0
        self._rate: float | None = None
        self._loss: float | None = None
        self._val_loss: float | None = None
        self._compiled_at: float | None = None

    def __enter__(self) -> "TrainingView":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, *, step: int, epoch: int, loss: float, chars_per_second: float | None) -> None:
        """Show that an update was made; the speed is None after the first one, which compiles."""
        self._step, self._epoch, self._rate = step, epoch, chars_per_second
        self._loss = loss if self._loss is None else 0.95 * self._loss + 0.05 * loss
        if self._compiled_at is None:
            self._compiled_at = time.monotonic()
        if self._terminal.report is not None:
            self._terminal.report(step, self._num_steps, self._loss)
        self._show()

    def validated(self, loss: float) -> None:
        """Show a new validation loss."""
        self._val_loss = loss
        if self._terminal.report_validation is not None:
            self._terminal.report_validation(self._step, loss)

    def epoch(self, *, epoch: int, step: int, loss: float) -> None:
        """Print the line of a complete epoch."""
        parts = [f"epoch {epoch}/{self._num_epochs}", f"step {step:,}", f"train_loss {loss:.4f}"]
        parts += [] if self._val_loss is None else [f"val_loss {self._val_loss:.4f}"]
        self._say("  ".join([*parts, *self._describe_rate()]))

    def find_seconds_left(self) -> float | None:
        """Return the seconds that the remaining updates will take by those after the first; None: not known yet."""
        done = self._step - self._first_step - 1
        if self._compiled_at is None or done < 1:
            return None
        return (time.monotonic() - self._compiled_at) / done * max(0, self._num_steps - self._step)

    def _say(self, line: str) -> None:
        self._terminal.say(line)

    def _show(self) -> None:
        raise NotImplementedError

    def _describe_rate(self) -> list[str]:
        return [] if self._rate is None else [f"{self._rate:,.0f} chars/s"]

    def _describe(self) -> str:
        left = self.find_seconds_left()
        parts = [f"epoch {self._epoch}/{self._num_epochs}", f"step {self._step:,}/{self._num_steps:,}"]
        parts += [COMPILING] if self._loss is None else [f"loss {self._loss:.4f}"]
        return "  ".join([*parts, *self._describe_rate(), *([] if left is None else [f"{left:,.0f} s left"])])


class _BarView(TrainingView):
    """One line that is drawn anew: a bar, and as many numbers as the width has room for."""

    def __enter__(self) -> "TrainingView":
        self._live = Live(self, console=self._terminal.console, transient=True, refresh_per_second=10)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        before, after = self._choose(options.max_width - LEAST_BAR)
        room = options.max_width - sum(measure(part) + 1 for part in (*before, *after))
        bar = self._draw_bar(max(1, min(LARGEST_BAR, room)), full="#" if options.ascii_only else "\u2501",
                             empty="-" if options.ascii_only else "\u2500")  # fmt: skip
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row(*map(Text, before), bar, *map(Text, after))
        yield grid

    def _draw_bar(self, width: int, *, full: str, empty: str) -> Text:
        """Return the bar; without colours, too, its ends are seen."""
        done = round(width * min(1.0, self._step / max(1, self._num_steps)))
        return Text.assemble((full * done, "bar.complete"), (empty * (width - done), "bar.back"))

    def _choose(self, room: int) -> tuple[list[str], list[str]]:
        """Return the texts before and after the bar that have room beside it, chosen by their use to a reader."""
        left = self.find_seconds_left()
        texts = {
            "epoch": f"epoch {max(1, self._epoch)}/{self._num_epochs}",
            "steps": f"{self._step:,}/{self._num_steps:,}",
            "loss": COMPILING if self._loss is None else f"loss {self._loss:.3f}",
            "val": "" if self._val_loss is None else f"val {self._val_loss:.3f}",
            "rate": " ".join(self._describe_rate()),
            "left": "" if left is None else f"{_format_clock(left)} left",
        }
        chosen = set()
        for name in ("loss", "left", "val", "steps", "epoch", "rate"):
            needed = measure(texts[name]) + 1
            if texts[name] and needed <= room:
                chosen.add(name)
                room -= needed
        return (
            [texts["epoch"]] if "epoch" in chosen else [],
            [texts[name] for name in ("steps", "loss", "val", "rate", "left") if name in chosen],
        )

    def _show(self) -> None:
        """Do nothing: the display draws itself ten times a second."""


class _LineView(TrainingView):
    """A line about every ten seconds."""

    def __enter__(self) -> "TrainingView":
        self._last_line = time.monotonic()
        if self._step < self._num_steps:
            self._say(COMPILING)
        return self

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last_line >= PLAIN_LINE_EVERY_SECONDS:
            self._last_line = now
            self._say(self._describe())


class _NotebookView(TrainingView):
    """One display that is replaced: the lines of the epochs, and below them where the training is."""

    def __enter__(self) -> "TrainingView":
        self._lines: list[str] = []
        self._handle = _find_display().display(_Plain(self._write()), display_id=True)
        self._shown_at = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.update(_Plain("\n".join(self._lines) or self._describe()))

    def _say(self, line: str) -> None:
        self._lines.append(line)
        self._terminal.copy(line)
        self._handle.update(_Plain(self._write()))

    def _show(self) -> None:
        if time.monotonic() - self._shown_at >= NOTEBOOK_EVERY_SECONDS:
            self._shown_at = time.monotonic()
            self._handle.update(_Plain(self._write()))

    def _write(self) -> str:
        return "\n".join([*self._lines, self._describe()])


class _Plain:
    """Text that a notebook shows as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _find_display() -> Any:
    """Return the module `IPython.display` within the kernel of a notebook; None elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.modules.get("IPython.display") if hasattr(shell, "kernel") else None


def _format_clock(seconds: float) -> str:
    """Return seconds as h:mm:ss or m:ss.

    >>> _format_clock(3725.2), _format_clock(7)
    ('1:02:05', '0:07')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
