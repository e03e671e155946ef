"""First runs at once on a folder without a store: two and eight of them."""

from pathlib import Path

import pytest

from stress.cold_starts import check


@pytest.mark.slow
def test_two_first_runs_at_once_both_work(tmp_path: Path) -> None:
    outcome = check(2, tmp_path, num_processes=2)
    assert outcome.is_right, outcome.failures


@pytest.mark.alone
@pytest.mark.slow
def test_eight_first_runs_at_once_all_work(tmp_path: Path) -> None:
    outcome = check(8, tmp_path, num_processes=8)
    assert outcome.is_right, outcome.failures
