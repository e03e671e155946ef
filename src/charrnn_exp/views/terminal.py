"""Terminal output of a run: lines that follow the width of the terminal, whole lines elsewhere."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from charrnn_exp.streams import escape_controls, fit_encoding, wrap, write_error

Copy = Callable[[str], None]
Report = Callable[[int, int, float], None]


class _Console(Console):
    """A console that leaves a closed pipe to its caller; rich's own would end the process with 1."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that rich caught before it called this


class Terminal:
    """Writes the state of a run to standard output and warnings to standard error.

    Characters that the stream's encoding lacks are escaped, never an error. What is said before there is a log is kept
    for it.
    """

    def __init__(self) -> None:
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self.console: Console = _Console(
            highlight=False, soft_wrap=True, force_jupyter=False, force_terminal=is_terminal
        )
        """Of standard output; no variable of the environment makes a pipe a terminal."""
        self.report: Report | None = None
        """Gets each update of a job of a sweep: its step, the steps of the run, and the mean loss."""
        self.report_validation: Callable[[int, float], None] | None = None
        """Gets each validation of a job of a sweep: its step and loss."""
        self._kept: list[tuple[bool, str]] = []
        self._copies: tuple[Copy, Copy] | None = None

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where there is none, and lines are not wrapped."""
        return self.console.width if self.console.is_terminal else None

    def say(self, text: str = "") -> None:
        """Print lines, wrapped between words."""
        self._print(text, "", is_wrapped=True)

    def say_as_it_is(self, text: str) -> None:
        """Print lines that are not wrapped: commands to paste, samples, tables."""
        self._print(text, "", is_wrapped=False)

    def title(self, line: str) -> None:
        """Print one line in bold."""
        self._print(line, "bold", is_wrapped=True)

    def warn(self, line: str) -> None:
        """Print one warning, which the log gets too."""
        self.show_warning(line)
        self.copy(line, is_warning=True)

    def show_warning(self, line: str) -> None:
        """Print one warning that the log has."""
        write_error(f"warning: {escape_controls(line)}")

    def sample(self, title: str, text: str) -> None:
        """Print generated text between two lines of dashes."""
        self.title(f"--- {title} ---")
        self.say_as_it_is(text)
        self.title("---")

    def start_copies(self, say: Copy, warn: Copy) -> None:
        """Hand each line, the earlier ones first, to one of two functions: to `say`, or a warning to `warn`."""
        self._copies = (say, warn)
        for is_warning, line in self._kept:
            self.copy(line, is_warning=is_warning)
        self._kept = []

    def stop_copies(self) -> None:
        """Hand on no further line."""
        self._copies = None

    def copy(self, line: str, *, is_warning: bool = False) -> None:
        """Hand a line to the log alone."""
        if self._copies is None:
            self._kept.append((is_warning, line))
        else:
            self._copies[is_warning](line)

    def _print(self, text: str, style: str, *, is_wrapped: bool) -> None:
        shown = escape_controls(text)
        for line in shown.split("\n"):
            self.copy(line)
            if self.width is None:  # as it is: a rich console makes spaces of tabs
                print(fit_encoding(line, self.console.file), file=self.console.file, flush=True)
                continue
            for row in wrap(line, self.width) if is_wrapped else [line]:
                self.console.print(Text(fit_encoding(row, self.console.file), style=style))


def is_terminal() -> bool:
    """Return whether standard output is a terminal, not a pipe or a file."""
    return sys.stdout.isatty()


def write_stream(text: str | bytes) -> None:
    """Write text to standard output and flush; raises BrokenPipeError where the reader has closed it (`| head`)."""
    if isinstance(text, bytes):
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    sys.stdout.write(fit_encoding(escape_controls(text) if is_terminal() else text, sys.stdout))
    sys.stdout.flush()
