"""TensorFlow's profile covers the updates that were asked for."""

from pathlib import Path

import pytest
import tensorflow as tf

from charrnn_exp.experiment.listeners.profile import Profiler
from charrnn_exp.training.loop import EpochDone, StepDone


def make_step(step: int) -> StepDone:
    tf.reduce_sum(tf.ones([step])).numpy()
    return StepDone(step, 1, 2.0, 1.0, 0.1, 0.01)


def find_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_off_or_too_short_a_run_leaves_nothing(tmp_path: Path) -> None:
    for num_steps, num_made in ((None, 5), (2, 1)):
        with Profiler(tmp_path / "profile", num_steps) as profiler:
            for step in range(1, num_made + 1):
                profiler.hear(make_step(step))
    assert not (tmp_path / "profile").exists()


def test_the_profile_is_there_after_the_last_update_asked_for_or_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    with Profiler(folder, 2) as profiler:
        for step in range(1, 4):
            profiler.hear(make_step(step))
            profiler.hear(EpochDone(step, step, 2.0))
            assert find_files(folder) == []
        profiler.hear(make_step(4))
        assert len(found := find_files(folder)) > 0
        profiler.hear(make_step(5))
    assert find_files(folder) == found


def test_a_run_that_ends_early_has_the_profile_of_what_it_made(tmp_path: Path) -> None:
    def stop_early() -> None:
        with Profiler(tmp_path, 99) as profiler:
            for step in range(1, 4):
                profiler.hear(make_step(step))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_early()
    assert len(find_files(tmp_path)) > 0
