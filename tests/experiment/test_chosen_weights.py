"""After early stopping the best weights speak for a run, in scores, sample and verbs; resume goes on from the last."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp import api
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from tests.conftest import slow_after

WORDS = [
    "tracking=none",
    "dataset=stdlib",
    "dataset.max_bytes=6007",
    "dataset.split=karpathy2015",
    "model.hidden_size=5",
    "model.embedding_dim=3",
    "training.batch_size=4",
    "training.sequence_length=7",
    "training.precision=float32",
    "training.validate_every_steps=2",
    "training.early_stopping_patience=3",
    "optimizer.learning_rate=1.0",
    "optimizer.warmup_steps=0",
    "sampling.length=40",
]
"""A rate at which the first updates help and the next ones do not."""


@pytest.fixture(scope="module", params=slow_after(1, [0.5, None]))
def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that early stopping has ended, without and with averaged weights."""
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("stopped"))
    yield api.run(api.compose(*WORDS, f"training.ema_decay={request.param or 'null'}"))
    patch.undo()


@pytest.mark.slow
def test_scores_and_sample_are_of_the_best_weights(stopped: Any, capsys: pytest.CaptureFixture[str]) -> None:
    summary, folder = stopped.summary, RunFolder(Path(stopped.folder))
    assert summary.status == "FINISHED"
    assert summary.best_step is not None
    assert summary.chosen_step == summary.best_step < summary.step
    best, last = api.evaluate(folder.path, checkpoint="best"), api.evaluate(folder.path, checkpoint="last")
    for split in ("val", "test"):
        assert summary.scores[split]["loss"] == best[split].loss
        assert best[split].loss != last[split].loss
    assert best["val"].loss == summary.best_val_loss < last["val"].loss == summary.val_loss
    assert summary.test_loss == best["test"].loss
    assert api.evaluate(folder.path) == best
    assert f"checkpoint step_{summary.best_step:010d}" in capsys.readouterr().err.splitlines()[-1]

    assert summary.sample == f"samples/step_{summary.best_step}.txt"
    drawn = (folder.path / summary.sample).read_text(encoding="utf-8")
    assert drawn == api.sample(folder.path, checkpoint="best") == api.sample(folder.path)
    last_drawn = (folder.samples / f"step_{summary.step}.txt").read_text(encoding="utf-8")
    assert last_drawn == api.sample(folder.path, checkpoint="last")

    curves = read_metrics(folder.metrics)
    assert curves["test_loss"] == [(summary.best_step, summary.test_loss)]
    assert curves["val_loss"][-1][0] == summary.step


def test_the_called_model_is_of_the_best_weights_and_the_last_lines_name_them(stopped: Any) -> None:
    ids_bt = np.arange(6).reshape(2, 3)
    models = {which: api.open_model(stopped.folder, checkpoint=which) for which in (None, "best", "last")}
    scores = {which: model(ids_bt)[0] for which, model in models.items()}
    assert np.array_equal(scores[None], scores["best"])
    assert not np.array_equal(scores[None], scores["last"])
    log = (Path(stopped.folder) / "run.log").read_text(encoding="utf-8")
    assert f"bits per character, of step {stopped.summary.best_step:,}, the best" in log


@pytest.mark.slow
def test_without_early_stopping_the_last_weights_speak_in_every_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["training.early_stopping_patience=null", "training.max_steps=12", "optimizer.schedule=constant"]
    run = api.run(api.compose(*WORDS, *words))
    summary = run.summary
    assert summary.best_step is not None
    assert summary.chosen_step == summary.step == 12
    assert summary.best_step < summary.step
    assert api.evaluate(run.folder) == api.evaluate(run.folder, checkpoint="last")
    assert api.evaluate(run.folder)["val"].loss == summary.val_loss != summary.best_val_loss
    assert api.sample(run.folder) == api.sample(run.folder, checkpoint="last")
    ids_bt = np.arange(6).reshape(2, 3)
    default, last = (api.open_model(run.folder, checkpoint=which)(ids_bt)[0] for which in (None, "last"))
    assert np.array_equal(default, last)
    assert "checkpoint step_0000000012" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_resume_goes_on_from_the_last_weights(stopped: Any) -> None:
    before = stopped.summary
    resumed = api.resume(stopped.folder, "training.early_stopping_patience=5")
    log = (Path(stopped.folder) / "run.log").read_text(encoding="utf-8")
    assert f"resuming after step {before.step:,}" in log
    assert resumed.summary.step > before.step
    assert resumed.summary.chosen_step == resumed.summary.best_step
