"""Signals and closed pipes: during a run the first sets a flag, which is checked where stopping is safe."""

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TextIO, cast

from charrnn_exp.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""The signals that people and systems send to stop a process."""


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


class GuardedStream:
    """A stream of text that a run may outlive: once nobody can read it, writing to it does nothing.

    A closed pipe (`| head`, quitting less) requests a stop, as if by SIGPIPE. A terminal that is gone (EIO) does not:
    SIGHUP is its request, and nohup may have waived that.

    Args:
        stream: standard output or error.
        request: gets the signal.
    """

    def __init__(self, stream: TextIO, request: StopRequest) -> None:
        self._stream, self._request, self._is_lost = stream, request, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, unless nobody reads it any more."""
        if not self._is_lost:
            with self._noticing_loss():
                return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, unless nobody reads it any more."""
        if not self._is_lost:
            with self._noticing_loss():
                self._stream.flush()

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self._is_lost = True
            self._request.signal_number = self._request.signal_number or signal.SIGPIPE
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self._is_lost = True


@contextmanager
def watch_signals() -> Iterator[StopRequest]:
    """Turn the first signal into a request; a second SIGINT or SIGTERM ends the process at once.

    A closed terminal often sends SIGHUP twice, and SIGTERM after it: SIGHUP never ends the process at once. Where it is
    ignored at the start (nohup), it stays ignored. A closed pipe is a request too, see `GuardedStream`. Outside the
    main thread Python allows no handlers, and only the streams are watched.
    """
    request = StopRequest()
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_guard(stream, request) for stream in streams)
    try:
        if threading.current_thread() is threading.main_thread():
            with _handling_signals(request):
                yield request
        else:
            yield request
    finally:
        sys.stdout, sys.stderr = streams


@contextmanager
def _handling_signals(request: StopRequest) -> Iterator[None]:
    is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def on_signal(number: int, _: FrameType | None) -> None:
        request.signal_number = request.signal_number or number
        if number in SIGNALS:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)

    watched = SIGNALS if is_nohup else (*SIGNALS, signal.SIGHUP)
    previous = {each: signal.signal(each, on_signal) for each in watched}
    handler = previous[signal.SIGINT]
    if isinstance(handler, _Interrupts) and handler.came:
        request.signal_number = signal.SIGINT
    try:
        yield
    finally:
        for each, before in previous.items():
            signal.signal(each, before)


def _guard(stream: TextIO | None, request: StopRequest) -> TextIO:
    """Return the stream with a guard; one that was closed from the start stays None."""
    return cast(TextIO, stream if stream is None else GuardedStream(stream, request))
