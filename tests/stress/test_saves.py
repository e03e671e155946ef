"""Short forms of the lines of `make stress` about saves."""

import shutil
from pathlib import Path

import pytest

from stress import corruption, saves
from stress.saver import open_store
from stress.saves import save_all


@pytest.mark.slow
def test_a_kill_within_a_save_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    outcome = saves.kill_saves(25, tmp_path)
    assert outcome.tried == 25
    assert outcome.failures == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace fails the calls; .ci/run installs it")
def test_a_call_that_fails_within_a_save_leaves_a_whole_checkpoint_and_exit_3(tmp_path: Path) -> None:
    outcome = saves.fail_calls(4, tmp_path)
    assert outcome.tried >= 4 * len(saves.WAYS)
    assert outcome.failures == []
    assert outcome.figures["exit 3"] > 0


def test_a_damaged_checkpoint_is_never_read_as_if_it_were_whole(tmp_path: Path) -> None:
    outcome = corruption.check(corruption.REAL_EVERY - 1, tmp_path)
    assert outcome.tried == corruption.REAL_EVERY - 1
    assert outcome.failures == []


def test_the_check_of_checkpoints_sees_what_is_wrong(tmp_path: Path) -> None:
    """The counts above would mean nothing if these went unseen."""
    save_all(tmp_path, 8)
    store = open_store(tmp_path)
    assert saves.find_problems(store, at_least=8) == []
    assert "newest is of step 8, step 9 was acknowledged" in saves.find_problems(store, at_least=9)
    for name in ("weights.npz", "training.npz", "manifest.json"):
        (tmp_path / "step_0000000008" / name).rename(tmp_path / name)
    shutil.rmtree(tmp_path / "step_0000000007")
    problems = saves.find_problems(store, at_least=8)
    assert any("passed over" in problem for problem in problems)
    assert "kept step 7 is gone" in problems


def test_the_order_of_syncs_is_looked_at() -> None:
    good = ["write", "fsync"] * 3 + ["fsync", "rename", "fsync"]
    assert saves.check_order(good) is None
    assert saves.check_order([*good[:-3], "rename", "fsync"]) is not None
    assert saves.check_order([*good[:-1], "write", "fsync"]) is not None
