"""Loss by class of symbols at each checkpoint of a real run.

Axes: p scored character.
"""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.evaluation.groups import find_class
from charrnn_exp.evaluation.insight.growth import MAX_CHECKPOINTS, choose_checkpoints, measure_growth
from charrnn_exp.evaluation.insight.subject import Choice, Subject, prepare_subject
from charrnn_exp.model.weights import load_weights, read_weights
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.folder import RunFolder
from tests.evaluation.insight.networks import find_losses
from tests.viewed_run import viewed_run

__all__ = ["viewed_run"]


@pytest.fixture
def subject(viewed_run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.chdir(viewed_run.path.parents[3])
    return prepare_subject(viewed_run, Choice(None, None, 200, None), warn=pytest.fail).build()


def test_the_losses_of_a_class_are_those_of_numpy_and_the_network_is_as_before(subject: Subject) -> None:
    before = read_weights(subject.network)
    growth = measure_growth(subject, warn=pytest.fail)
    after = read_weights(subject.network)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    checkpoints = choose_checkpoints(subject.folder.checkpoints)
    assert growth.steps == [each.step for each in checkpoints]
    assert len(growth.steps) > 1
    classes = [find_class(ord(each), subject.vocabulary.unit) for each in subject.text[1:]]
    assert growth.counts == {name: classes.count(name) for name in growth.losses}
    for place, checkpoint in enumerate(checkpoints):
        load_weights(subject.network, checkpoint.read(WEIGHTS))
        losses_p = find_losses(subject.network, subject.ids_n.astype(np.int32))
        for name, found in growth.losses.items():
            expected = np.mean([loss for loss, each in zip(losses_p, classes, strict=True) if each == name])
            assert found[place] == pytest.approx(expected, abs=1e-4)


def test_a_damaged_checkpoint_is_left_out_with_a_line(subject: Subject, tmp_path: Path) -> None:
    copied = RunFolder(Path(shutil.copytree(subject.folder.path, tmp_path / "run")))
    first = choose_checkpoints(copied.checkpoints)[0]
    (first.folder / WEIGHTS).write_bytes(b"no")
    lines: list[str] = []
    growth = measure_growth(dataclasses.replace(subject, folder=copied), warn=lines.append)
    assert first.step not in growth.steps
    assert len(growth.steps) == len(choose_checkpoints(copied.checkpoints)) - 1
    assert [line.partition(":")[0] for line in lines] == [f"checkpoint {first.folder.name} is left out"]


def test_of_many_checkpoints_the_first_the_last_and_some_between_are_chosen(tmp_path: Path) -> None:
    for step in range(1, 31):
        (tmp_path / f"step_{step:010d}").mkdir()
    steps = [each.step for each in choose_checkpoints(tmp_path)]
    assert len(steps) == MAX_CHECKPOINTS == len(set(steps))
    assert (steps[0], steps[-1]) == (1, 30)
