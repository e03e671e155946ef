"""The side of a sweep on Slurm that runs where a job does: the process that submitit starts becomes the job."""

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.ray_node import STOPS, wait_for_lock
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.zygote import run_and_tell, tell

BEAT_SECONDS = 5.0
"""From one change of the file that tells that the sweep's own process lives to the next."""
GONE_SECONDS = 60.0
"""Without a change, after which a job stops with a checkpoint."""
LOCK_SECONDS = GONE_SECONDS + 15.0
"""To wait for the job of an earlier sweep that was killed."""
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Submission:
    """A job as submitit carries it: texts alone.

    Args:
        request: a line, see `Request`.
        place: current folder of the sweep's own process.
        events: file that gets a line of JSON for each event.
        beat: file that changes while that process lives.
    """

    request: str
    place: str
    events: str
    beat: str

    def __call__(self) -> int:
        """Run the job in this process and return its exit code."""
        # submitit ignores SIGTERM, which Slurm sends 30 s before it kills, and would raise an error at its own signal.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        os.chdir(self.place)
        request = Request.from_line(self.request)
        events = os.open(self.events, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._await_beat()
        tell(events, job=request.job, event="started", pid=os.getpid())
        threading.Thread(target=self._end_with_beat, name="beat", daemon=True).start()
        wait_for_lock(Path(request.folder), LOCK_SECONDS)
        if RunFolder(Path(request.folder)).config.exists():  # Slurm may start a job twice
            request = replace(request, is_resumed=True)
        code = run_and_tell(request, events)
        if code in STOPS:
            tell(events, job=request.job, event="lost", reason="Slurm stopped it")
        else:
            tell(events, job=request.job, event="ended", code=code)
        return code

    def _await_beat(self) -> None:
        """Wait for a sign of the sweep's own process; a job whose sweep went while it was queued must not begin.

        SIGTERM ends this process where none comes.
        """
        first, until = self._read_beat(), time.monotonic() + GONE_SECONDS
        while (beat := self._read_beat()) is None or beat == first:
            if time.monotonic() > until:
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(LOOK_SECONDS)

    def _read_beat(self) -> str | None:
        with suppress(OSError):
            return Path(self.beat).read_text(encoding="ascii")
        return None

    def _end_with_beat(self) -> None:
        """Send this process SIGTERM once the sweep's own process has gone."""
        last, seen_at = self._read_beat(), time.monotonic()
        while time.monotonic() - seen_at < GONE_SECONDS:
            time.sleep(BEAT_SECONDS)
            if (beat := self._read_beat()) not in (None, last):
                last, seen_at = beat, time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
