"""SIGINT and SIGTERM: during a run the handler sets a flag, which is checked where stopping is safe."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from charrnn_exp.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopRequest:
    """A request to stop the run, and the signal that made it."""

    signal_number: int | None = None

    def __call__(self) -> bool:
        """Return whether the run should stop."""
        return self.signal_number is not None


class _Interrupts:
    """A handler of SIGINT that raises KeyboardInterrupt, as Python's does, and records that it was called."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def remember_interrupts() -> Iterator[None]:
    """Before a run starts: turn every error after a SIGINT into KeyboardInterrupt.

    A KeyboardInterrupt raised inside a call from C may be lost or replaced there, for instance by an error of
    composition. One that is lost without an error stops the run that follows.

    Raises:
        KeyboardInterrupt: instead of any other error after a SIGINT.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupts = _Interrupts()
    signal.signal(signal.SIGINT, interrupts)
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        if interrupts.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def watch_signals() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; a second one ends the process at once.

    Outside the main thread Python allows no handlers, and signals are not watched.
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
    handler = previous[signal.SIGINT]
    if isinstance(handler, _Interrupts) and handler.came:
        request.signal_number = signal.SIGINT
    try:
        yield request
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
