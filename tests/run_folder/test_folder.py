"""The folder of a run."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import Summary

VOCABULARY = Vocabulary(Unit.char, (10, 97, 0x1F600))


def make(compose: Any, path: Path, *, run_id: str | None = None) -> RunFolder:
    folder = RunFolder(path)
    folder.create(compose("model.dropout=0.25"), VOCABULARY)
    folder.write_summary(Summary(status="FINISHED", run_id=run_id, val_loss=float("nan")))
    return folder


def test_settings_and_vocabulary_come_back(compose: Any, tmp_path: Path) -> None:
    folder = make(compose, tmp_path / "run")
    assert folder.read_config() == compose("model.dropout=0.25")
    assert folder.read_vocabulary() == VOCABULARY


def test_a_copied_folder_reads_the_same_and_names_no_absolute_path(compose: Any, tmp_path: Path) -> None:
    folder = make(compose, tmp_path / "run")
    copied = RunFolder(shutil.copytree(folder.path, tmp_path / "elsewhere" / "copy"))
    assert copied.read_config() == folder.read_config()
    for path in folder.path.rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()


def test_the_summary_is_json_that_every_reader_takes(compose: Any, tmp_path: Path) -> None:
    folder = make(compose, tmp_path / "run")
    assert json.loads(folder.summary.read_text())["val_loss"] is None
    folder.write_summary(Summary(scores={"val": {"perplexity": float("inf"), "loss": 1e4}}, dataset_notes=["a"]))
    expected = Summary(scores={"val": {"perplexity": None, "loss": 1e4}}, dataset_notes=["a"])
    assert folder.read_summary() == expected


def test_a_folder_that_cannot_be_made_is_one_line(compose: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot write the run folder"):
        RunFolder(tmp_path / "file" / "run").create(compose(), VOCABULARY)


def test_a_run_that_is_worked_on_is_refused_with_the_number_of_the_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    refused = pytest.raises(MachineError, match=f"is in use by process {os.getpid()}: wait")
    with folder.lock(), refused, RunFolder(tmp_path / "run").lock():
        pass
    with folder.lock():
        pass


def test_an_error_of_the_work_under_a_lock_is_not_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), RunFolder(tmp_path / "run").lock():
        raise FileNotFoundError("of the work")


def test_a_run_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = pytest.raises(MachineError, match=r"cannot write the run folder .* \(Not a directory\)")
    with refused, RunFolder(tmp_path / "file" / "run").lock():
        pass


@pytest.mark.parametrize("name", ["samples", ".lock", "checkpoints/best.json"])
def test_a_run_folder_with_a_link_is_neither_read_nor_locked(compose: Any, tmp_path: Path, name: str) -> None:
    folder = make(compose, tmp_path / "run")
    (tmp_path / "elsewhere").write_text("precious")
    path = folder.path / name
    if path.is_dir():
        path.rmdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match="is a link to"):
        find_run(str(folder.path))
    with pytest.raises(MachineError, match="a run folder may hold none"), folder.lock():
        pass
    assert (tmp_path / "elsewhere").read_text() == "precious"


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"step": "7"}', '{"step": true}', '{"a": 1e999}', '{"run_id": []}']
)
def test_a_summary_or_a_record_of_tracking_that_no_run_wrote_is_damaged(
    compose: Any, tmp_path: Path, text: str
) -> None:
    folder = make(compose, tmp_path / "run")
    folder.summary.write_text(text)
    folder.tracking.write_text(text.replace("step", "params"))
    for read in (folder.read_summary, folder.read_tracking):
        with pytest.raises(MachineError, match="Move it away"):
            read()


@pytest.mark.parametrize("points", ["[]", "[2, 1]", "[1, 1]", '["1"]', "[true]", "[-1]", "[1114112]", "[55296]", "3"])
def test_a_vocabulary_that_no_run_wrote_is_damaged(compose: Any, tmp_path: Path, points: str) -> None:
    folder = make(compose, tmp_path / "run")
    folder.vocabulary.write_text(f'{{"unit": "char", "code_points": {points}}}')
    with pytest.raises(MachineError, match=r"holds no vocabulary \(code_points"):
        folder.read_vocabulary()


def test_settings_of_a_run_are_read_though_its_server_is_not_known_any_more(
    tmp_path: Path, compose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    folder = RunFolder(tmp_path / "run")
    folder.create(compose("tracking=server"), Vocabulary(Unit.char, (65, 66)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(UserError, match=r"config\.yaml: tracking\.uri must be the address of the server"):
        folder.read_config()
    assert folder.read_untracked_config() == compose("tracking=none")
