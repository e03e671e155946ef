"""The weights that sampling and scoring read."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights


def test_reading_a_checkpoint_that_a_kill_left_hidden_changes_nothing(start: Any, tmp_path: Path) -> None:
    """As a kill leaves it between the hiding of the old one and the naming of the new."""
    run, folder, warnings = start(folder="run/checkpoints"), RunFolder(tmp_path / "run"), list[str]()
    with pytest.raises(MachineError, match="has no checkpoint"):
        read_trained_weights(folder, "last", facts={}, warn=warnings.append)
    run.checkpoints.save(run.state.snapshot(), kept=True)
    (checkpoint,) = run.checkpoints.find_all()
    checkpoint.folder.rename(hidden := checkpoint.folder.with_name(f".{checkpoint.folder.name}.replaced"))
    weights = read_trained_weights(folder, "last", facts={}, warn=warnings.append)
    assert len(weights) > 0
    assert warnings == []
    assert list(folder.checkpoints.iterdir()) == [hidden]
