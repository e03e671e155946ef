"""Whatever is typed, read or prompted: the right exit code, its lines and nothing else; a few cases of each line."""

from pathlib import Path

import pytest

from stress import fuzz_prompts, fuzz_settings, fuzz_texts


@pytest.mark.slow
def test_any_settings_are_right_or_told_off(tmp_path: Path) -> None:
    outcome = fuzz_settings.check(8, tmp_path)
    assert outcome.failures == []
    assert outcome.right == 8


@pytest.mark.slow
def test_any_text_trains_or_is_told_off(tmp_path: Path) -> None:
    outcome = fuzz_texts.check(8, tmp_path)
    assert outcome.failures == []
    assert outcome.right == 8


@pytest.mark.slow
def test_any_prompt_is_drawn_from_or_told_off(tmp_path: Path) -> None:
    outcome = fuzz_prompts.check(8, tmp_path)
    assert outcome.failures == []
    assert outcome.right == 9
