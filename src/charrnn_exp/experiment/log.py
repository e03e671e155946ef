"""The log of a run goes to the run folder; its warnings also to the terminal."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from logging.handlers import MemoryHandler
from pathlib import Path

from charrnn_exp.errors import Interrupted, one_line
from charrnn_exp.views.terminal import Terminal

log = logging.getLogger("charrnn_exp")
SAID = "charrnn_exp.terminal"
"""The logger of lines that the terminal has shown."""

NO_LEVEL = logging.CRITICAL + 1
MAX_HELD = 100_000
"""Lines kept in memory; a run says a few dozen before its first update."""


@contextmanager
def log_to(path: Path, terminal: Terminal, *, is_held: bool = False) -> Iterator[Callable[[], None]]:
    """Send the package's log and the lines of the terminal to a file, and the log's warnings to the terminal too.

    Args:
        path: of the file.
        terminal: of the run.
        is_held: whether the lines are kept in memory until the function that is given is called; a session that is
            refused before leaves the file as it was.
    """

    class ToTerminal(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            terminal.show_warning(record.getMessage())

    class ToFile(logging.FileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
            """Print nothing: a full disk has already ended the run with one line."""

    to_file = ToFile(path, encoding="utf-8", errors="backslashreplace", delay=True)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_terminal = ToTerminal()
    to_terminal.addFilter(lambda record: record.levelno == logging.WARNING and record.name != SAID)
    log.setLevel(logging.INFO)
    log.propagate = False
    held = MemoryHandler(MAX_HELD, flushLevel=NO_LEVEL, target=to_file, flushOnClose=False)

    def write_held() -> None:
        held.flush()
        log.removeHandler(held)
        log.addHandler(to_file)

    log.addHandler(held)
    if not is_held:
        write_held()
    log.addHandler(to_terminal)
    said = logging.getLogger(SAID)
    terminal.start_copies(partial(said.info, "%s"), partial(said.warning, "%s"))
    try:
        yield write_held
    except Interrupted as interrupted:
        said.info("%s", one_line(interrupted))
        raise
    finally:
        terminal.stop_copies()
        for handler in (held, to_file, to_terminal):
            log.removeHandler(handler)
        with contextlib.suppress(OSError):
            to_file.close()
