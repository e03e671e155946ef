"""A SIGINT before there is a run, also one that a library swallowed."""

import contextlib
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
