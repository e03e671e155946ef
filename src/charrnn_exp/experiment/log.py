"""The log of a run goes to the run folder; its warnings also to the terminal."""

import contextlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from charrnn_exp.errors import Interrupted, one_line
from charrnn_exp.views.terminal import Terminal

log = logging.getLogger("charrnn_exp")
SAID = "charrnn_exp.terminal"
"""The logger of lines that the terminal has shown."""


@contextmanager
def log_to(path: Path, terminal: Terminal) -> Iterator[None]:
    """Send the package's log and the lines of the terminal to a file, and the log's warnings to the terminal too."""

    class ToTerminal(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            terminal.show_warning(record.getMessage())

    class ToFile(logging.FileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
            """Print nothing: a full disk has already ended the run with one line."""

    to_file = ToFile(path, encoding="utf-8", errors="backslashreplace")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = ToTerminal()
    to_terminal.addFilter(lambda record: record.levelno == logging.WARNING and record.name != SAID)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(to_file)
    log.addHandler(to_terminal)
    said = logging.getLogger(SAID)
    terminal.start_copies(partial(said.info, "%s"), partial(said.warning, "%s"))
    try:
        yield
    except Interrupted as interrupted:
        said.info("%s", one_line(interrupted))
        raise
    finally:
        terminal.stop_copies()
        log.removeHandler(to_file)
        log.removeHandler(to_terminal)
        with contextlib.suppress(OSError):
            to_file.close()
