"""A job of Slurm ends when the process of its sweep has gone."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys

from charrnn_exp.sweeps.cluster import slurm_node

slurm_node.BEAT_SECONDS, slurm_node.GONE_SECONDS = 0.05, 4.0
slurm_node.Submission(request="", place="", events="", beat=sys.argv[1])._end_with_beat()
"""


def start(beat: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(beat)])


@pytest.mark.slow
def test_a_job_stops_once_the_file_no_longer_changes(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    process = start(beat)
    until = time.monotonic() + 6.0
    while time.monotonic() < until:
        beat.write_text(str(time.monotonic()))
        time.sleep(0.1)
        assert process.poll() is None, "it stopped while its sweep lived"
    assert process.wait(timeout=30) == -signal.SIGTERM


@pytest.mark.slow
def test_a_job_whose_sweep_went_while_it_was_queued_does_not_begin(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    beat.write_text("1")
    script = SCRIPT.replace("_end_with_beat()", "_await_beat()").replace("0.05, 4.0", "0.05, 2.0") + "print('begins')\n"
    process = subprocess.Popen([sys.executable, "-c", script, str(beat)], stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-signal.SIGTERM, b"")
    process = subprocess.Popen([sys.executable, "-c", script, str(beat)], stdout=subprocess.PIPE)
    while process.poll() is None:
        beat.write_text(str(time.monotonic()))
        time.sleep(0.3)
    assert process.stdout is not None
    assert (process.returncode, process.stdout.read()) == (0, b"begins\n")
    process.stdout.close()
