"""The process that starts the jobs of a sweep, where it may not fork."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import charrnn_exp
from charrnn_exp.sweeps import zygote
from charrnn_exp.sweeps.request import Request
from charrnn_exp.sweeps.zygote import MAX_REASON, Jobs

SOURCE = str(Path(charrnn_exp.__file__).parents[1])


def test_the_end_of_each_job_is_told_though_others_start_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zygote, "can_fork", lambda: False)
    monkeypatch.setattr(
        zygote, "_spawn", lambda request, events: subprocess.Popen([sys.executable, "-c", f"exit({request.job})"])
    )
    events, told = os.pipe()
    jobs = Jobs(told)
    for number in range(3):
        jobs.start(
            Request(
                job=number,
                settings={},
                folder="",
                hash="ab",
                is_resumed=False,
                log=str(tmp_path / "log"),
                name="",
                sweep=None,
            )
        )
        time.sleep(0.3)  # in which it ends
    jobs.wait(20.0)
    os.close(told)
    with open(events) as lines:
        ended = [event for event in map(json.loads, lines) if event["event"] == "ended"]
    assert [(event["job"], event["code"]) for event in ended] == [(0, 0), (1, 1), (2, 2)]


def test_a_reason_of_any_symbols_goes_through_a_pipe_in_one_piece() -> None:
    line = json.dumps({"job": 10_000, "event": "failed", "reason": "\U0001f600" * MAX_REASON, "is_mistake": False})
    assert len(line.encode()) < 4096


def test_it_imports_nothing_for_a_parent_that_has_gone_before_it_came_so_far(tmp_path: Path) -> None:
    hello = json.dumps({"path": sys.path, "is_tracked": False, "first": None}) + "\n"
    command = [sys.executable, "-X", "importtime", "-P", "-m", "charrnn_exp.sweeps.zygote"]
    ended = subprocess.run(
        command, input=hello, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": SOURCE}
    )
    assert ended.returncode == 0
    assert "charrnn_exp.machine.lifeline" in ended.stderr
    assert "charrnn_exp.experiment.run\n" not in ended.stderr, "what is imported after TensorFlow"
