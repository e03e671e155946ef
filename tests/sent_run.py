"""A run of six updates, as its folder sends it to MLflow."""

from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from tests.conftest import SMALL
from tests.tracking.small_server import read_files


@pytest.fixture(scope="session")
def sent_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run of six updates with two kept checkpoints, of which the first may be the best."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("mate"))
        words = ["dataset.max_bytes=600", "training.max_steps=6", "training.validate_every_steps=2", "model.cell=gru"]
        words += ["training.checkpoint_every_steps=2", "training.keep_checkpoints=9", "training.ema_decay=0.9"]
        folder = run(compose(*SMALL, *words, "optimizer.warmup_steps=0")).folder
        return read_files(Path(folder).absolute())
