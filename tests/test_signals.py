"""A SIGINT before there is a run, also one that a library swallowed."""

import contextlib
import errno
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charrnn_exp.errors import Interrupted, UserError
from charrnn_exp.signals import remember_interrupts, watch_signals


def interrupt_and_swallow(then: Exception | None = None) -> None:
    """What a library does that looks up a key from C."""
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    if then is not None:
        raise then


def test_what_fails_after_an_interrupt_was_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), remember_interrupts():
        interrupt_and_swallow(UserError("the settings must compose"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_without_an_interrupt_is_itself() -> None:
    with pytest.raises(UserError), remember_interrupts():
        raise UserError("the settings must compose")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_was_swallowed_stops_the_run_that_follows() -> None:
    with remember_interrupts():
        with watch_signals() as stop:
            assert not stop()
        interrupt_and_swallow()
        with watch_signals() as stop:
            assert stop()
            assert stop.signal_number == signal.SIGINT


def test_a_run_that_was_stopped_says_so_itself() -> None:
    with pytest.raises(Interrupted), remember_interrupts():
        interrupt_and_swallow(Interrupted(signal.SIGINT, "stopped after step 3"))


def test_a_shell_that_ignores_interrupts_is_heeded() -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remember_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)


@pytest.mark.slow
def test_no_interrupt_while_settings_compose_is_taken_for_a_mistake_in_them(tmp_path: Path) -> None:
    chance = random.Random(0)
    command = [sys.executable, "-m", "charrnn_exp", "--cfg", "job"]
    began = time.monotonic()
    subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    whole = time.monotonic() - began
    codes = set()
    for _ in range(60):
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, whole))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        # Before the program is there, and in its last moments, Python answers by itself.
        assert not re.search("charrnn_exp: (error|bug)", err), err
        codes.add(process.returncode)
    assert 128 + signal.SIGINT in codes


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)


def test_a_closed_terminal_stops_the_run_and_may_say_so_again() -> None:
    with watch_signals() as stop:
        send(signal.SIGHUP)
        send(signal.SIGHUP)
        send(signal.SIGTERM)  # a system that logs somebody out sends both
        assert stop.signal_number == signal.SIGHUP
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_terminal_that_closes_after_another_signal_changes_nothing() -> None:
    with watch_signals() as stop:
        send(signal.SIGTERM)
        send(signal.SIGHUP)
        assert stop.signal_number == signal.SIGTERM


def test_a_run_under_nohup_outlives_its_terminal() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watch_signals() as stop:
            send(signal.SIGHUP)
            assert not stop()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, previous)


class Gone(io.StringIO):
    """A stream whose other end is gone."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(("number", "signal_number"), [(errno.EPIPE, signal.SIGPIPE), (errno.EIO, None)])
def test_an_output_without_a_reader_is_silent_and_a_closed_pipe_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int, signal_number: int | None
) -> None:
    monkeypatch.setattr(sys, name, Gone(number))
    with watch_signals() as stop:
        for _ in range(2):
            print("a line", file=getattr(sys, name), flush=True)
        assert stop.signal_number == signal_number
    assert isinstance(getattr(sys, name), Gone)


def test_a_disk_that_is_full_is_no_reader_that_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Gone(errno.ENOSPC))
    with watch_signals() as stop:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            print("a line")
        assert not stop()


def test_a_stream_that_was_closed_from_the_start_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with watch_signals():
        assert sys.stdout is None
        print("nobody reads this")
