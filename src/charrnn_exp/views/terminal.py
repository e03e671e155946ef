"""Terminal output of a run: a progress bar on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

PLAIN_LINE_EVERY_SECONDS = 10.0
RATE_STEPS = 20
"""Steps over which chars/s is averaged."""


class _Console(Console):
    """A console that leaves a closed pipe to its caller; rich's own would end the process with 1."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that rich caught before it called this


class Terminal:
    """Writes the state of a run to standard output and warnings to standard error."""

    def __init__(self) -> None:
        self._console = _Console(highlight=False, soft_wrap=True)

    def say(self, line: str = "") -> None:
        """Print one line as it is."""
        self._console.print(Text(line))

    def title(self, line: str) -> None:
        """Print one line in bold."""
        self._console.print(Text(line, style="bold"))

    def warn(self, line: str) -> None:
        """Print one warning."""
        print(f"charrnn_exp: warning: {line}", file=sys.stderr, flush=True)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows in columns, numbers right-aligned."""
        self.say(format_table(header, rows))

    def sample(self, title: str, text: str) -> None:
        """Print generated text between two lines of dashes."""
        self.title(f"--- {title} ---")
        self.say(escape_controls(text))
        self.title("---")

    def training(self, *, num_steps: int, first_step: int, num_epochs: int) -> "TrainingView":
        """Return the progress view of a training run."""
        if self._console.is_terminal:
            return _BarView(self._console, num_steps, first_step, num_epochs)
        return _LineView(self._console, num_steps, first_step, num_epochs)


class TrainingView:
    """Progress of one training run; used as a context manager."""

    def __init__(self, console: Console, num_steps: int, first_step: int, num_epochs: int) -> None:
        self._console = console
        self._num_steps = num_steps
        self._first_step = first_step
        self._num_epochs = num_epochs
        self._rates: list[float] = []
        self._loss = float("nan")
        self._val_loss = float("nan")
        self._began = time.monotonic()

    def __enter__(self) -> "TrainingView":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, *, step: int, epoch: int, loss: float, chars_per_second: float) -> None:
        """Show that an update was made."""
        self._rates = [*self._rates[-RATE_STEPS + 1 :], chars_per_second]
        self._loss = loss if step == self._first_step + 1 else 0.95 * self._loss + 0.05 * loss
        self._show(step, epoch)

    def validated(self, loss: float) -> None:
        """Show a new validation loss."""
        self._val_loss = loss

    def epoch(self, *, epoch: int, step: int, loss: float) -> None:
        """Print the line of a complete epoch."""
        line = f"epoch {epoch}/{self._num_epochs}  step {step:,}  train_loss {loss:.4f}"
        if self._val_loss == self._val_loss:
            line += f"  val_loss {self._val_loss:.4f}"
        self._console.print(Text(f"{line}  {self._rate():,.0f} chars/s"))

    def _rate(self) -> float:
        return len(self._rates) / sum(1.0 / rate for rate in self._rates) if self._rates else 0.0

    def _show(self, step: int, epoch: int) -> None:
        raise NotImplementedError


class _BarView(TrainingView):
    def __enter__(self) -> "TrainingView":
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  val {task.fields[val]}  {task.fields[rate]:,.0f} chars/s"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(
            "", total=self._num_steps, completed=self._first_step, epoch=1, epochs=self._num_epochs, loss=float("nan"),
            val="-", rate=0.0,
        )  # fmt: skip
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def validated(self, loss: float) -> None:
        super().validated(loss)
        self._bar.update(self._task, val=f"{loss:.3f}")

    def _show(self, step: int, epoch: int) -> None:
        val = "-" if self._val_loss != self._val_loss else f"{self._val_loss:.3f}"
        self._bar.update(self._task, completed=step, epoch=epoch, loss=self._loss, val=val, rate=self._rate())


class _LineView(TrainingView):
    def __enter__(self) -> "TrainingView":
        self._last_line = time.monotonic()
        return self

    def _show(self, step: int, epoch: int) -> None:
        now = time.monotonic()
        if now - self._last_line < PLAIN_LINE_EVERY_SECONDS:
            return
        self._last_line = now
        done = step - self._first_step
        left = (now - self._began) / done * (self._num_steps - step)
        self._console.print(
            Text(
                f"epoch {epoch}/{self._num_epochs}  step {step:,}/{self._num_steps:,}  loss {self._loss:.4f}  "
                f"{self._rate():,.0f} chars/s  {left:,.0f} s left"
            )
        )


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as text in columns, the first left-aligned, the others right-aligned.

    >>> print(format_table(["name", "weights"], [["output", "1,280"]]))
    name    weights
    output    1,280
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def format_seconds(seconds: Mapping[str, float]) -> str:
    """Return seconds by activity as text; activities other than start and updates also as a share of the updates.

    >>> format_seconds({"start": 5.0, "updates": 80.0, "checkpoints": 0.4})
    'start 5.0 s, updates 80.0 s, checkpoints 0.4 s (0.5 %)'
    """
    updates = seconds.get("updates", 0.0)
    parts = []
    for name, value in seconds.items():
        share = f" ({100 * value / updates:.1f} %)" if updates and name not in ("start", "updates") else ""
        parts.append(f"{name.replace('_', ' ')} {value:.1f} s{share}")
    return ", ".join(parts)


def escape_controls(text: str) -> str:
    r"""Return the text with escape codes, bidi marks and other control characters made visible.

    >>> escape_controls("a\x1b[2Jb\n\u202e")
    'a\\x1b[2Jb\n\\u202e'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def write_stream(text: str) -> None:
    """Write text to standard output and flush; raises BrokenPipeError where the reader has closed it (`| head`)."""
    sys.stdout.write(escape_controls(text) if os.isatty(sys.stdout.fileno()) else text)
    sys.stdout.flush()
