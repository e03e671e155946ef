"""Outages of MLflow in real runs: two in the slow form, all in `make stress`."""

from pathlib import Path

import pytest

from stress.outages import check

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_a_server_that_refuses_us_ends_the_run_before_tensorflow_is_imported(tmp_path: Path) -> None:
    outcome = check(1, tmp_path, names=("refused 401",))
    assert outcome.is_right, outcome.failures


def test_an_outage_loses_nothing_and_is_not_waited_for(tmp_path: Path) -> None:
    outcome = check(1, tmp_path, names=("hung midway",), num_steps=1000)
    assert outcome.is_right, outcome.failures
