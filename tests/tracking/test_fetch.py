"""A run of another machine by its MLflow id: fetched once, whole or not at all."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from charrnn_exp.api import compose
from charrnn_exp.cli import main
from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.finding import find_run, list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.fetch import find_fetched_id, find_run_anywhere
from tests.tracking.small_server import RUN_ID, SmallServer, serve_files
from tests.tracking.test_stored_run import read_tracking

FETCHED = Path("mlruns/fetched") / RUN_ID


@pytest.fixture
def server(sent_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """A server with the run, and an empty current folder."""
    monkeypatch.chdir(tmp_path)
    with serve_files(sent_files) as running:
        yield running


def fail_to_read() -> TrackingConfig:
    raise AssertionError("the store must not be asked")


def fetch(server: SmallServer) -> RunFolder:
    return find_run_anywhere(RUN_ID, lambda: read_tracking(server.uri))


def test_a_second_call_downloads_nothing(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    first = fetch(server)
    assert (first.path, find_fetched_id(first)) == (FETCHED, RUN_ID)
    assert f"is downloaded from {server.uri}" in capsys.readouterr().err
    asked = len(server.asked)
    assert find_run_anywhere(RUN_ID, fail_to_read).path == FETCHED
    assert len(server.asked) == asked
    assert {path.name for path in Path("mlruns/fetched").iterdir()} == {RUN_ID, ".lock"}


def test_a_local_run_with_the_id_wins(server: SmallServer) -> None:
    folder = RunFolder(Path("outputs/mine"))
    folder.create(compose("tracking=none"), Vocabulary(Unit.char, (10, 97)))
    folder.write_tracking({"run_id": RUN_ID})
    assert find_run_anywhere(RUN_ID, fail_to_read).path == folder.path
    assert find_fetched_id(folder) is None


def test_a_fetched_run_is_neither_latest_nor_in_the_list(server: SmallServer) -> None:
    fetch(server)
    assert list_runs() == []
    assert find_run(str(FETCHED)).path == FETCHED


@pytest.mark.parametrize("reference", ["latest", "best", "outputs/x", "0" * 31, "A" * 32, "../" + "a" * 32])
def test_no_other_reference_asks_a_store(server: SmallServer, reference: str) -> None:
    with pytest.raises(UserError, match=r"^run must be"):
        find_run_anywhere(reference, fail_to_read)
    assert server.asked == []


def test_an_id_that_the_store_lacks_is_one_line_with_the_store(server: SmallServer) -> None:
    line = f"^run must be the MLflow id .* in {server.uri} that you may read, got 'f+'"
    with pytest.raises(UserError, match=line) as raised:
        find_run_anywhere("f" * 32, lambda: read_tracking(server.uri))
    assert len(raised.value.lines) == 1
    for tracking in (compose("tracking=none").tracking, compose("tracking=local").tracking):
        with pytest.raises(UserError, match=r"^run must be the MLflow id"):
            find_run_anywhere("f" * 32, partial(lambda tracking: tracking, tracking))
    assert not Path("mlruns").exists()


def test_a_download_that_fails_leaves_nothing_and_the_next_one_works(server: SmallServer) -> None:
    weights = server.files.pop("checkpoints/step_0000000006/weights.npz")
    with pytest.raises(MachineError, match="has not all of"):
        fetch(server)
    assert {path.name for path in Path("mlruns/fetched").iterdir()} == {".lock"}
    server.files["checkpoints/step_0000000006/weights.npz"] = weights
    (Path("mlruns/fetched") / f".{RUN_ID}.unfinished").mkdir()  # of a kill
    assert fetch(server).path == FETCHED


def test_a_folder_that_cannot_be_written_is_one_line(server: SmallServer) -> None:
    Path("mlruns").write_text("")
    with pytest.raises(MachineError, match=r"cannot write .*mlruns/fetched"):
        fetch(server)


def test_the_verbs_sample_score_and_start_from_it(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"run={RUN_ID}", "tracking=server", f"tracking.uri={server.uri}"]
    assert main(["sample", *words, "sampling.length=9"]) == 0
    first = capsys.readouterr()
    assert f"run {FETCHED}, checkpoint step_0000000006" in first.err
    assert main(["sample", f"run={RUN_ID}", "sampling.length=9"]) == 0
    assert capsys.readouterr().out == first.out
    assert main(["evaluate", *words, "split=val"]) == 0
    assert "val" in capsys.readouterr().out
    assert main(["compare", f"run={RUN_ID}", "format=csv"]) == 0
    assert str(FETCHED) in capsys.readouterr().out
    shutil.rmtree(FETCHED)
    assert main(["compare", *words, "format=csv"]) == 0
    assert str(FETCHED) in capsys.readouterr().out
    assert main(["sample", f"run={'f' * 32}", *words[1:]]) == 2
    assert "must be the MLflow id of a run" in capsys.readouterr().err
