"""Short forms of the lines of `make stress` that stop, kill and starve real training."""

import os
import shutil
from pathlib import Path

import pytest

from stress import boundaries, full_disk, kills
from stress.processes import find_differences, find_folder


@pytest.mark.slow
def test_a_run_resumed_in_a_new_process_ends_with_the_same_bytes(tmp_path: Path) -> None:
    outcome = boundaries.float32(2, tmp_path)
    assert outcome.tried == 2
    assert outcome.failures == []
    whole = find_folder(tmp_path / "whole")
    shutil.copytree(whole.path, tmp_path / "copy")
    copied = type(whole)(tmp_path / "copy")
    assert find_differences(whole, copied) == []
    copied.metrics.write_text(copied.metrics.read_text().replace('"val_loss": ', '"val_loss": 1', 1))
    assert find_differences(whole, copied) == ["metrics.jsonl differs"]


@pytest.mark.slow
def test_a_killed_run_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    outcome = kills.kill(2, tmp_path)
    assert outcome.tried == 2
    assert outcome.failures == []


@pytest.mark.alone
@pytest.mark.slow
def test_a_signal_is_obeyed_in_time_and_the_run_goes_on_after_it(tmp_path: Path) -> None:
    outcome = kills.ask_to_stop(3, tmp_path)
    assert outcome.tried == 3
    assert outcome.failures == []


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is too small")
def test_a_full_disk_costs_nothing_once_there_is_room(tmp_path: Path) -> None:
    outcome = full_disk.check(2, tmp_path)
    assert outcome.tried == 2
    assert outcome.failures == []
