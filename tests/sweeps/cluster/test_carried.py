"""A machine that does not see the folder of a sweep needs a tracking server, and takes its text from where it was."""

from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import to_values
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import UserError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.cluster.carried import carry, fetch_into, find_run_id
from charrnn_exp.sweeps.request import Request
from tests.tracking.small_server import RUN_ID, serve_files

FOLDER = "outputs/a/2026-01-02/03-04-05-000006"


def make_request(*words: str, run_id: str | None = None) -> Request:
    values: dict[str, Any] = to_values(compose_jobs(list(words))[0])
    return Request(
        job=0, settings=values, folder=f"{FOLDER}/0", hash="ab", is_resumed=False, log=f"{FOLDER}/job_0.log", name="a",
        sweep=None, run_id=run_id,
    )  # fmt: skip


def read_tracking_of(uri: str) -> TrackingConfig:
    return compose_jobs(["tracking=server", f"tracking.uri={uri}"])[0].tracking


@pytest.mark.parametrize("store", ["local", "none"])
def test_without_a_tracking_server_the_folder_must_be_seen(tmp_path: Path, store: str) -> None:
    with pytest.raises(UserError) as caught:
        carry(make_request(f"tracking={store}"), Path("/elsewhere"), tmp_path)
    (line,) = caught.value.lines
    assert line.startswith("the folder of the sweep must lie where all machines see it, got /elsewhere, which ")
    assert f"tracking={store}" in line
    assert list(tmp_path.iterdir()) == []


def test_a_job_sends_each_checkpoint_and_reads_the_text_of_its_sweep(tmp_path: Path) -> None:
    words = ["tracking=server", "tracking.uri=http://host:5000", "dataset=file", "dataset.path=a/text.txt"]
    asked = make_request(*words)
    request = carry(asked, Path("/elsewhere"), tmp_path)
    assert request.settings["tracking"]["log_checkpoints"] == "each"
    assert request.settings["dataset"]["path"] == "/elsewhere/a/text.txt"
    assert asked.settings["dataset"]["path"] == "a/text.txt"
    assert not request.is_resumed
    assert (tmp_path / request.log).parent.is_dir()


@pytest.mark.slow
def test_a_run_that_was_sent_goes_on_as_the_same_mlflow_run(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    with serve_files(sent_files) as server:
        words = ["tracking=server", f"tracking.uri={server.uri}"]
        request = carry(make_request(*words, run_id=RUN_ID), Path("/elsewhere"), tmp_path)
    folder = RunFolder(tmp_path / request.folder)
    assert request.is_resumed
    assert find_run_id(folder) == RUN_ID
    assert folder.metrics.read_bytes() == sent_files["metrics.jsonl"]
    assert [path.name for path in folder.path.parent.iterdir()] == ["0"]


@pytest.mark.slow
def test_a_run_that_was_lost_before_its_first_checkpoint_begins_anew(
    sent_files: dict[str, bytes], tmp_path: Path
) -> None:
    few = {path: content for path, content in sent_files.items() if not path.startswith("checkpoints")}
    with serve_files(few) as server:
        assert not fetch_into(RunFolder(tmp_path / "0"), read_tracking_of(server.uri), RUN_ID, is_complete=False)
        assert not fetch_into(RunFolder(tmp_path / "0"), read_tracking_of(server.uri), "f" * 32, is_complete=False)
    assert list(tmp_path.iterdir()) == []


def test_files_that_only_the_folder_has_stay(sent_files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "notes.txt").write_text("mine")
    with serve_files(sent_files) as server:
        assert fetch_into(RunFolder(tmp_path / "0"), read_tracking_of(server.uri), RUN_ID, is_complete=True)
    assert (tmp_path / "0" / "notes.txt").read_text() == "mine"
    assert RunFolder(tmp_path / "0").read_tracking()["complete"] is True
