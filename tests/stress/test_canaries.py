"""The short form of `make stress`: code that must not run, places that must not be written to, secrets."""

from pathlib import Path

import pytest

from stress import canaries, hostile_runs, hostile_settings, secrets, strange_modules
from stress.outcome import Outcome


def check(outcome: Outcome, num_cases: int) -> None:
    assert outcome.failures == []
    assert outcome.right == outcome.tried == num_cases


@pytest.mark.slow
def test_no_setting_runs_code_reads_the_environment_or_leads_out_of_the_run_folder(tmp_path: Path) -> None:
    check(canaries.settings(12, tmp_path), 12)


def test_a_canary_that_sings_is_heard(tmp_path: Path) -> None:
    """The same check, of a program that does run what it must not."""
    from stress.forked import Landing
    from stress.sandbox import Sandbox

    box = Sandbox(tmp_path / "case").make()
    before = box.photograph()
    landing = Landing(2, "", "charrnn_exp: error: x must be y, got z.\n", 40, 0.1)
    assert box.find_problems(before, landing, {2}) == []
    (box.nest / "canary").mkdir()
    assert box.find_problems(before, landing, {2}) == ["made, changed or took away ['nest/canary']"]


def test_the_cases_are_many_and_have_names_of_their_own() -> None:
    for cases in (hostile_settings.list_cases(), hostile_runs.list_cases(), secrets.list_cases()):
        names = [case.name for case in cases]
        assert len(names) > 30
        assert len(set(names)) == len(names), sorted(name for name in set(names) if names.count(name) > 1)


@pytest.mark.slow
def test_no_changed_run_folder_runs_code_or_leads_outside(tmp_path: Path) -> None:
    check(canaries.runs(20, tmp_path), 20)


@pytest.mark.slow
def test_no_file_in_the_current_folder_is_taken_for_a_module(tmp_path: Path) -> None:
    check(strange_modules.modules(12, tmp_path), 12)


@pytest.mark.slow
def test_no_secret_is_written_down_sent_or_said(tmp_path: Path) -> None:
    check(secrets.secrets(6, tmp_path), 6)
