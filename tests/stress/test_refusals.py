"""Short forms of the lines of `make stress` about refusals."""

from pathlib import Path

import pytest

from charrnn_exp.commands.registry import list_commands
from stress import reasons, refusals, refused_kills
from stress.outcome import Outcome


def check(outcome: Outcome, num_cases: int) -> None:
    assert outcome.failures == []
    assert outcome.right == outcome.tried == num_cases


def test_every_verb_has_reasons_to_refuse() -> None:
    for command in list_commands():
        assert len([each for each in reasons.REFUSALS if command.name in each.verbs]) >= 2


def test_the_check_of_kills_sees_what_is_changed() -> None:
    before = {"config.yaml": "a", "run.log": "b", "samples": "folder"}
    assert list(refused_kills.find_changes(before, {**before, "run.log": "c", ".summary.json.12": "d"})) == []
    changed = list(refused_kills.find_changes(before, {"config.yaml": "b", "run.log": "b", "samples/a": "c"}))
    assert [line.partition(" ")[0] for line in changed] == ["config.yaml", "samples", "samples/a"]


@pytest.mark.slow
def test_a_refused_call_changes_nothing(tmp_path: Path) -> None:
    check(refusals.refuse(16, tmp_path), 16)


@pytest.mark.slow
def test_a_resume_killed_before_its_first_own_checkpoint_changes_nothing(tmp_path: Path) -> None:
    check(refused_kills.kill(2, tmp_path), 2)
