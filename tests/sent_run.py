"""A run of six updates, as its folder sends it to MLflow."""

import pytest

from charrnn_exp.api import compose, run
from tests.conftest import SMALL
from tests.made_once import find_run_in, make_once
from tests.tracking.small_server import read_files


@pytest.fixture(scope="session")
def sent_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run of six updates with two kept checkpoints, of which the first may be the best."""
    return read_files(find_run_in(make_once(tmp_path_factory, "sent", _train)))


def _train() -> None:
    words = ["dataset.max_bytes=600", "training.max_steps=6", "training.validate_every_steps=2", "model.cell=gru"]
    words += ["training.checkpoint_every_steps=2", "training.keep_checkpoints=9", "training.ema_decay=0.9"]
    run(compose(*SMALL, *words, "optimizer.warmup_steps=0"))
