"""Which run a reference means."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from charrnn_exp.run_folder import versions
from charrnn_exp.run_folder.checkpoint import MANIFEST, Checkpoint, Snapshot, hash_manifest
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import find_run, list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary

VOCABULARY = Vocabulary(Unit.char, (10, 97, 0x1F600))
SWEEP = "outputs/charrnn/2026-01-02/03-04-05-000006"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make(compose: Any) -> Any:
    """Return a function that makes a run below outputs/, by default without a checkpoint."""

    def make_run(
        path: str, *overrides: str, began: float | None = None, sessions: int = 1, loss: float | None = None,
        text: str = "a" * 64, run_id: str | None = None,
    ) -> RunFolder:  # fmt: skip
        folder = RunFolder(Path(path))
        folder.create(compose(*overrides), VOCABULARY)
        sessions = 0 if began is None else sessions
        folder.write_summary(Summary(status="FINISHED", run_id=run_id, session_began=began, num_sessions=sessions))
        if loss is not None:
            save_checkpoint(folder, loss, text)
        return folder

    return make_run


def save_checkpoint(folder: RunFolder, loss: float, text: str = "a" * 64) -> Checkpoint:
    facts = {"vocabulary_sha256": VOCABULARY.sha256, "dataset": {"sha256": text}}
    arrays = {"w": np.zeros(3, np.float32)}
    store = CheckpointStore(folder.checkpoints, facts=facts, num_rolling=1)
    store.save(Snapshot(step=7, epoch=1, best_step=7, best_val_loss=loss, weights=arrays, training=arrays), kept=True)
    return store.find_all()[-1]


def name_all() -> list[str]:
    return [run.path.name for run in list_runs()]


def test_jobs_of_a_sweep_follow_each_other_by_number_though_a_launcher_began_them_in_another_order(make: Any) -> None:
    for job, began in zip((0, 1, 2, 9, 10), (50.0, 40.0, 30.0, 20.0, 10.0), strict=True):
        make(f"{SWEEP}/{job}", began=1e9 + began)
    assert name_all() == ["0", "1", "2", "9", "10"]
    assert find_run("latest").path == Path(SWEEP, "10")


def test_a_resumed_run_is_the_latest_whatever_its_name(make: Any) -> None:
    for job in range(11):
        make(f"{SWEEP}/{job}", began=1e9 + job)
    make("outputs/other/2026-12-31/00-00-00-000000", began=1e9 + 99)
    resumed = make(f"{SWEEP}/3", began=1e9 + 100, sessions=2)
    assert find_run("latest").path == resumed.path
    assert name_all()[:-1] == [*"012456789", "10", "00-00-00-000000"]


def test_runs_that_were_copied_keep_their_order_whatever_the_clock_of_their_files_says(
    make: Any, tmp_path: Path
) -> None:
    first = make("outputs/a/2026-01-01/00-00-00-000000", began=1e9 + 5)
    second = make("outputs/a/2026-01-01/00-00-01-000000", began=1e9)
    for path in first.path.rglob("*"):
        os.utime(path, (time.time() + 1e6,) * 2)
    shutil.copytree("outputs", tmp_path / "clone" / "outputs")
    os.chdir(tmp_path / "clone")
    assert [run.path for run in list_runs()] == [second.path, first.path]


def test_runs_of_older_programs_stand_by_their_newest_checkpoint_then_by_their_name(make: Any) -> None:
    newest = make("outputs/alpha/2026-01-02/00-00-00-000001", run_id="b" * 32)
    make("outputs/zeta/2026-01-01/23-59-59-999999", run_id="a" * 32)
    job = make("outputs/alpha/2026-01-01/10-00-00-000000/3")
    assert list_runs()[0].path == job.path
    assert find_run("latest").path == newest.path
    resumed = save_checkpoint(job, 1.0)  # written today
    assert find_run("latest").path == job.path
    manifest = resumed.read_manifest() | {"written": "2026-01-01T12:00:00+0000"}
    (resumed.folder / MANIFEST).write_text(json.dumps(manifest | {"sha256": hash_manifest(manifest)}))
    assert find_run("latest").path == newest.path


def test_a_run_is_found_by_folder_and_by_its_mlflow_id(make: Any) -> None:
    run = make("outputs/zeta/2026-01-01/23-59-59-999999", run_id="a" * 32)
    make("outputs/alpha/2026-01-02/00-00-00-000001", run_id="b" * 32).summary.write_text("damaged")
    assert find_run("outputs/zeta/2026-01-01/23-59-59-999999").path == run.path
    assert find_run("a" * 32).path == run.path
    assert run.label == "zeta/2026-01-01/23-59-59-999999"


def test_a_run_copied_to_any_name_below_outputs_is_found(make: Any) -> None:
    make("outputs/mine", began=1e9)
    assert find_run("latest").path == Path("outputs/mine")


def test_what_wants_weights_passes_over_runs_without_a_checkpoint_and_says_so(
    make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = make(f"{SWEEP}/0", began=1e9, loss=2.0)
    bare = make(f"{SWEEP}/1", began=1e9 + 1)
    assert find_run("latest").path == bare.path
    assert capsys.readouterr().err == ""
    assert find_run("latest", needs_weights=True).path == trained.path
    assert capsys.readouterr().err == (f"charrnn_exp: note: passed over {bare.path}, which has no checkpoint yet.\n")
    shutil.rmtree(trained.checkpoints)
    with pytest.raises(UserError, match=rf"none of the 2 runs .* has one.* resume run={bare.path}"):
        find_run("latest", needs_weights=True)


@pytest.mark.parametrize("reference", ["latest", "best", "best:tiny", "nowhere", ".", "x" * 5000, "a\0b", "~nobody/x"])
def test_a_run_that_is_not_there_is_said(reference: str) -> None:
    with pytest.raises(UserError, match=r"^run must be"):
        find_run(reference)


def test_best_is_the_lowest_validation_loss_and_is_told(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make(f"{SWEEP}/0", loss=2.0)
    best = make(f"{SWEEP}/1", loss=1.5)
    make(f"{SWEEP}/2", loss=1.75)
    make(f"{SWEEP}/3")
    assert find_run("best").path == best.path
    assert capsys.readouterr().err == (
        f"charrnn_exp: note: best is {best.path}: val_loss 1.5000 at step 7, the lowest of 3 runs on stdlib "
        "(split nanogpt)\n"
    )


def test_best_of_a_name_a_sweep_or_a_text_looks_at_those_runs_alone(make: Any) -> None:
    tiny = make("outputs/tiny/2026-01-01/00-00-00-000000", "name=tiny", loss=1.0, text="b" * 64)
    job = make(f"{SWEEP}/1", loss=1.5)
    make("outputs/charrnn/2026-01-03/00-00-00-000000", loss=1.25)
    book = make("outputs/book/2026-01-04/00-00-00-000000", "dataset=file", "dataset.path=book.txt", loss=0.5, text="c")
    assert find_run("best:tiny").path == tiny.path
    for which in (SWEEP, f"{SWEEP}/", SWEEP.removeprefix("outputs/")):
        assert find_run(f"best:{which}").path == job.path
    assert find_run("best:book.txt").path == book.path
    with pytest.raises(UserError, match="'best:tin'"):
        find_run("best:tin")


@pytest.mark.parametrize("other", [("text", "b" * 64), ("split", "dataset.split=torchrnn"),
                                   ("cap", "training.max_val_characters=200")])  # fmt: skip
def test_best_never_compares_losses_of_several_texts_or_splits(make: Any, other: tuple[str, str]) -> None:
    one = make(f"{SWEEP}/0", loss=2.0)
    kind, value = other
    two = make(f"{SWEEP}/1", loss=1.5, text=value) if kind == "text" else make(f"{SWEEP}/1", value, loss=1.5)
    with pytest.raises(UserError) as refused:
        find_run("best")
    assert "cannot be compared" in refused.value.lines[0]
    assert [line.partition(":")[0] for line in refused.value.lines[1:]] == [f"run={one.path}", f"run={two.path}"]


@pytest.mark.parametrize(("split", "is_refused"), [("charrnn", True), ("nanogpt", False)])
def test_best_never_compares_losses_of_two_scoring_rules(
    make: Any, monkeypatch: pytest.MonkeyPatch, split: str, is_refused: bool
) -> None:
    with monkeypatch.context() as older:
        older.setattr(versions, "NUMERICS", 1)
        make(f"{SWEEP}/0", f"dataset.split={split}", loss=2.0)
    newer = make(f"{SWEEP}/1", f"dataset.split={split}", loss=1.5)
    if is_refused:
        with pytest.raises(UserError, match="cannot be compared"):
            find_run("best")
    else:
        assert find_run("best").path == newer.path


def test_a_damaged_run_is_neither_best_nor_in_the_way(make: Any) -> None:
    for i, name in enumerate(("config.yaml", "summary.json", "versions.json")):
        (make(f"{SWEEP}/{i}", loss=1.0).path / name).write_text("[" * 50)
    good = make("outputs/tiny/2026-01-01/00-00-00-000000", "name=tiny", loss=2.0)
    assert find_run("best:tiny").path == good.path
    assert len(list_runs()) == 4


def test_a_summary_keeps_its_session_when_a_repair_writes_it(make: Any) -> None:
    run = make(f"{SWEEP}/0", began=1e9, sessions=2)
    run.write_summary(replace(run.read_summary(), status="KILLED"))
    assert (run.read_summary().session_began, run.read_summary().num_sessions) == (1e9, 2)
