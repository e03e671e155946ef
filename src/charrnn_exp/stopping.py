"""SIGINT and SIGTERM: a handler only sets a flag; whoever works looks at it where stopping is safe."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopRequest:
    """Whether somebody asked the run to stop, and by which signal."""

    signal_number: int | None = None

    def __call__(self) -> bool:
        """Return whether the run should stop."""
        return self.signal_number is not None


@contextmanager
def watch_signals() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; a second one ends the process at once.

    In a thread that is not the main one Python allows no handlers, and nothing is watched.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def on_signal(number: int, _: FrameType | None) -> None:
        request.signal_number = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    previous = {each: signal.signal(each, on_signal) for each in SIGNALS}
    try:
        yield request
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
