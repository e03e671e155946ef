"""The changes of a run: what is listed, joined, and believed."""

import json
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.changes import (
    Change,
    describe_changes,
    find_changes,
    join_changes,
    list_reshapes,
    read_changes,
    write_changes,
)

RATE, BATCH = "optimizer.learning_rate", "training.batch_size"


def test_a_change_has_the_step_from_which_it_holds() -> None:
    then: dict[str, Any] = {"optimizer": {"learning_rate": 0.1}, "training": {"batch_size": 4, "epochs": 2}}
    now: dict[str, Any] = {"optimizer": {"learning_rate": 0.2}, "training": {"batch_size": 2, "epochs": 2}}
    changes = find_changes(then, now, step=7, epoch_end=9)
    assert changes == [Change(7, RATE, 0.1, 0.2), Change(9, BATCH, 4, 2)]
    assert find_changes(now, now, step=7, epoch_end=9) == []
    assert [(each.step, each.field, each.old, each.new) for each in list_reshapes(changes)] == [(9, "batch_size", 4, 2)]
    assert describe_changes(changes) == f"{RATE} 0.1 -> 0.2 after step 7; {BATCH} 4 -> 2 after step 9"


def test_a_tag_that_comes_or_goes_is_a_change() -> None:
    then, now = {"tracking": {"tags": {"a": "1"}}}, {"tracking": {"tags": {"b": "2"}}}
    assert find_changes(then, now, step=3, epoch_end=3) == [
        Change(3, "tracking.tags.b", None, "2"),
        Change(3, "tracking.tags.a", "1", None),
    ]


@pytest.mark.parametrize(
    ("later", "joined"),
    [
        ([], [Change(5, RATE, 1, 2), Change(9, BATCH, 4, 2)]),
        ([Change(7, RATE, 2, 3)], [Change(5, RATE, 1, 2), Change(7, RATE, 2, 3), Change(9, BATCH, 4, 2)]),
        ([Change(9, BATCH, 2, 3)], [Change(5, RATE, 1, 2), Change(9, BATCH, 4, 3)]),
        ([Change(9, BATCH, 2, 4)], [Change(5, RATE, 1, 2)]),
    ],
    ids=["none", "another step", "the same step", "back again"],
)
def test_changes_are_joined_in_the_order_of_their_steps(later: list[Change], joined: list[Change]) -> None:
    assert join_changes([Change(5, RATE, 1, 2), Change(9, BATCH, 4, 2)], later, step=7) == joined


def test_a_run_that_goes_back_takes_its_settings_along_and_keeps_the_epochs_of_its_shapes() -> None:
    earlier = [Change(5, RATE, 1, 2), Change(9, BATCH, 4, 2), Change(12, RATE, 2, 3)]
    assert join_changes(earlier, [], step=3) == [Change(3, RATE, 1, 3), Change(9, BATCH, 4, 2)]
    assert join_changes(earlier, [Change(6, BATCH, 2, 8)], step=3) == [Change(3, RATE, 1, 3), Change(6, BATCH, 4, 8)]


def test_changes_are_read_as_they_were_written(tmp_path: Path) -> None:
    changes = [Change(3, RATE, 0.1, 1e-7), Change(9, BATCH, 4, 2), Change(9, "training.max_steps", None, 20)]
    path = tmp_path / "changes.json"
    now = {"optimizer": {"learning_rate": 1e-7}, "training": {"batch_size": 2, "max_steps": 20}}
    assert read_changes(path, now) == []
    path.write_text(write_changes(changes))
    assert read_changes(path, now) == changes


def test_changes_that_a_kill_kept_from_the_settings_were_never_made(tmp_path: Path) -> None:
    changes = [Change(3, BATCH, 4, 2), Change(9, BATCH, 2, 4), Change(9, RATE, 1.0, 2.0)]
    path = tmp_path / "changes.json"
    path.write_text(write_changes(changes))
    assert read_changes(path, {"optimizer": {"learning_rate": 1.0}, "training": {"batch_size": 2}}) == changes[:1]


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"changes": [{"step": 1}]}),
        json.dumps({"changes": [{"step": -1, "setting": "seed", "old": 1, "new": 2}]}),
        json.dumps({"changes": [{"step": 1, "setting": BATCH, "old": "4", "new": 2}]}),
        json.dumps({"changes": [{"step": 1, "setting": 5, "old": 1, "new": 2}]}),
    ],
)
def test_a_damaged_list_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "changes.json"
    path.write_text(content)
    with pytest.raises(MachineError, match=r"changes\.json is damaged"):
        read_changes(path, {})
