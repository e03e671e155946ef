"""The copy of a run that goes on as a run of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.reading import to_values
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoint import Snapshot
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.copying import copy_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary


@pytest.fixture
def source(compose: Any, tmp_path: Path) -> RunFolder:
    """A run with a checkpoint and a sample."""
    folder = RunFolder(tmp_path / "source")
    folder.create(compose("model.dropout=0.25"), Vocabulary(Unit.char, (10, 97, 0x1F600)))
    folder.write_summary(Summary(status="FINISHED", run_id="a" * 32, step=7, session_began=1e9, num_sessions=2))
    folder.metrics.write_text('{"step": 1, "train_loss": 2.0}\n')
    (folder.samples / "step_7.txt").write_text("a\n")
    arrays = {"w": np.zeros(3, np.float32)}
    snapshot = Snapshot(step=7, epoch=1, best_step=0, best_val_loss=0.0, weights=arrays, training=arrays)
    CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).save(snapshot, kept=True)
    return folder


def test_a_copy_has_what_a_run_goes_on_from_and_its_own_tracking(compose: Any, source: RunFolder) -> None:
    target = RunFolder(source.path.with_name("target"))
    target.path.mkdir()
    config = compose("model.dropout=0.25", "tracking.log_checkpoints=all")
    config = replace(config, tracking=replace(config.tracking, tags={"resumed_from": "b"}))
    copy_run(source, target, to_values(config)["tracking"], began=2e9)
    assert target.read_config() == config
    assert target.read_vocabulary() == source.read_vocabulary()
    for path in [*source.checkpoints.rglob("*.*"), source.metrics, source.versions]:
        assert (target.path / path.relative_to(source.path)).read_bytes() == path.read_bytes()
    assert list(target.samples.iterdir()) == list(target.plots.iterdir()) == []
    expected = Summary(status="RUNNING", run_id=None, step=7, session_began=2e9, num_sessions=2)
    assert target.read_summary() == expected


def test_a_copy_that_fails_is_one_line_and_no_run(source: RunFolder) -> None:
    target = RunFolder(source.path.with_name("target"))
    target.path.mkdir()
    target.metrics.mkdir()
    with pytest.raises(MachineError, match="cannot copy"):
        copy_run(source, target, {}, began=2e9)
    assert not target.config.exists()
