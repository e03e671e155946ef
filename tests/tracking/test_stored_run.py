"""A run in a store as it is read: what servers answer, honest ones and others."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.errors import MachineError
from charrnn_exp.tracking import stored_run
from charrnn_exp.tracking.store import open_client
from charrnn_exp.tracking.stored_run import ServerRun, StoredRun, find_stored_run
from stress.mlflow_server import find_free_port
from tests.conftest import compose_once
from tests.tracking.small_server import RUN_ID, SmallServer, serve_files

FILES = {"config.yaml": b"a: 1\n", "a/b/c.txt": b"x" * 200_000, "a/empty": b""}


def read_tracking(uri: str) -> TrackingConfig:
    """Compose once: it takes 0.2 s, and every server has an address of its own."""
    return replace(compose_once("tracking=server", "tracking.uri=http://127.0.0.1:1").tracking, uri=uri)


def find(server: SmallServer) -> StoredRun:
    found = find_stored_run(read_tracking(server.uri), RUN_ID)
    assert found is not None
    return found


def test_a_run_of_a_server_is_its_tags_its_lists_and_its_bytes() -> None:
    with serve_files(FILES, tags={"team": "b"}) as server:
        found = find(server)
        assert (found.store, found.run_id, found.tags) == (server.uri, RUN_ID, {"team": "b"})
        assert found.list_folder("") == {"config.yaml": 5, "a": None}
        assert found.list_folder("a") == {"b": None, "empty": 0}
        assert b"".join(found.read_file("a/b/c.txt")) == FILES["a/b/c.txt"]


def test_an_id_that_the_server_lacks_is_none() -> None:
    with serve_files(FILES) as server:
        assert find_stored_run(read_tracking(server.uri), "f" * 32) is None


def test_without_a_store_there_is_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in ("tracking=none", "tracking=local"):
        assert find_stored_run(compose_jobs([word])[0].tracking, RUN_ID) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [-1, "-1", "a", 1.5, None, True, [], "1e3"])
def test_a_size_that_is_no_number_of_bytes_is_refused(size: Any) -> None:
    with (
        serve_files(FILES, listed={"": [{"path": "config.yaml", "file_size": size}]}) as server,
        pytest.raises(MachineError, match="something else than files"),
    ):
        find(server).list_folder("")


@pytest.mark.parametrize("entries", [[3], [{}], [{"path": 3}], [[]]])
def test_a_list_of_other_things_is_refused(entries: list[Any]) -> None:
    with (
        serve_files(FILES, listed={"": entries}) as server,
        pytest.raises(MachineError, match="something else than files"),
    ):
        find(server).list_folder("")


def test_an_answer_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_run, "MAX_ANSWER_BYTES", 1000)
    entry = {"path": "x" * 100, "is_dir": True}
    with (
        serve_files(FILES, listed={"": [entry] * 100}) as server,
        pytest.raises(MachineError, match="more than 1,000 bytes"),
    ):
        find(server).list_folder("")


@pytest.mark.parametrize("status", [404, 500])
def test_another_server_is_told(status: int) -> None:
    with (
        serve_files(FILES, status=status) as server,
        pytest.raises(MachineError, match=f"does not answer like an MLflow server .*{status}"),
    ):
        find(server)


def test_a_server_that_refuses_us_is_told() -> None:
    with serve_files(FILES, status=401) as server, pytest.raises(MachineError, match=f"{server.uri} refused access"):
        find(server)


def test_a_run_that_may_not_be_read_is_none_like_one_that_is_not_there() -> None:
    with serve_files(FILES, status=403) as server:
        assert find_stored_run(read_tracking(server.uri), RUN_ID) is None


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    uri = f"http://me:sesame@127.0.0.1:{find_free_port()}"
    with pytest.raises(MachineError, match="did not answer") as raised:
        next(ServerRun(uri, RUN_ID, {}).read_file("config.yaml"))
    assert "sesame" not in str(raised.value)


@pytest.mark.slow
def test_a_run_of_the_local_store_is_read_without_its_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracking = compose_jobs(["tracking=local"])[0].tracking
    client, experiment_id = open_client(tracking)
    run_id = client.create_run(experiment_id, tags={"team": "b"}).info.run_id
    client.log_text(run_id, "text", "a/b.txt")
    (artifacts,) = tmp_path.glob(f"mlruns/artifacts/{run_id}/artifacts")
    os.symlink("/etc", artifacts / "linked")
    os.symlink("/etc/passwd", artifacts / "a/linked.txt")
    found = find_stored_run(tracking, run_id)
    assert found is not None
    assert found.tags["team"] == "b"
    assert (found.list_folder(""), found.list_folder("a")) == ({"a": None}, {"b.txt": 4})
    assert found.list_folder("missing") == {}
    assert b"".join(found.read_file("a/b.txt")) == b"text"
    assert find_stored_run(tracking, "f" * 32) is None
