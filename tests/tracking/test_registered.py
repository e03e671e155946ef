"""Registered models: a name is followed to a run of the store that was asked, and no model's code is ever run."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.api import compose
from charrnn_exp.cli import main
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.fetch import find_fetched_id, find_run_anywhere
from charrnn_exp.tracking.registered import find_version
from tests.tracking.small_server import RUN_ID, SmallServer, serve_files
from tests.tracking.test_stored_run import read_tracking

PLACE = "registered/step_0000000006"
ADDRESS = "models:/bard@champion"
FETCHED = Path("mlruns/fetched/registered") / RUN_ID / "step_0000000006"
VERSION = {"name": "bard", "version": "3", "source": f"runs:/{RUN_ID}/{PLACE}", "run_id": RUN_ID}


@pytest.fixture
def server(sent_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """A server with a model of the run's last checkpoint, whose code leaves a file behind when it is run."""
    monkeypatch.chdir(tmp_path)
    canary = f"open({str(tmp_path / 'canary')!r}, 'w').close()\n".encode()
    model = {f"{PLACE}/MLmodel": b"flavors: {python_function: {loader_module: canary, model_code_path: canary.py}}"}
    model |= {f"{PLACE}/{name}.py": canary for name in ("canary", "mlflow_code", "code/charrnn_exp/__init__")}
    model |= {f"{PLACE}/{name}": b"\x80\x04c" + canary for name in ("python_model.pkl", "artifacts/run/model.pkl")}
    names: tuple[str, ...] = ("config.yaml", "versions.json", "vocabulary.json", "summary.json")
    names += tuple(f"checkpoints/step_0000000006/{name}" for name in ("manifest.json", "weights.npz"))
    model |= {f"{PLACE}/artifacts/run/{name}": sent_files[name] for name in names}
    with serve_files(model, models={"bard@champion": VERSION, "bard/3": VERSION}) as running:
        yield running


def fetch(server: SmallServer, address: str = ADDRESS) -> RunFolder:
    return find_run_anywhere(address, lambda: read_tracking(server.uri))


@pytest.mark.slow
@pytest.mark.parametrize("address", [ADDRESS, "models:/bard/3"])
def test_a_name_leads_to_the_weights_settings_and_symbols_and_nothing_else(server: SmallServer, address: str) -> None:
    assert fetch(server, address).path == FETCHED
    found = {str(path.relative_to(FETCHED)) for path in FETCHED.rglob("*") if path.is_file()}
    of_checkpoint = {f"checkpoints/step_0000000006/{name}" for name in ("manifest.json", "weights.npz")}
    assert found == {"config.yaml", "versions.json", "vocabulary.json", "summary.json"} | of_checkpoint
    assert find_fetched_id(RunFolder(FETCHED)) == RUN_ID


@pytest.mark.slow
def test_no_verb_runs_the_code_of_a_model(
    server: SmallServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"run={ADDRESS}", "tracking=server", f"tracking.uri={server.uri}"]
    assert main(["sample", *words, "sampling.length=9"]) == 0
    assert main(["evaluate", *words, "split=val"]) == 0
    assert main(["compare", *words, "format=csv"]) == 0
    start = ["tracking=server", f"tracking.uri={server.uri}", f"training.init_from={ADDRESS}", "model.hidden_size=5"]
    same = ["model.cell=gru", "model.embedding_dim=3", "dataset.max_bytes=600", "training.batch_size=4"]
    assert main([*start, *same, "training.sequence_length=7", "training.max_steps=2", "sampling.length=3"]) == 0
    capsys.readouterr()
    assert main(["resume", *words]) == 2
    assert "run must be a run with its training state, got 'models:/bard@champion'" in capsys.readouterr().err
    assert main(["register", *words, "as=a@b"]) == 2
    assert not (tmp_path / "canary").exists()
    assert not [asked for asked in server.asked if ".py" in asked or ".pkl" in asked or "MLmodel" in asked]


def test_what_a_name_means_is_asked_each_time_and_its_files_once(server: SmallServer) -> None:
    fetch(server)
    asked = len(server.asked)
    fetch(server)
    (again,) = server.asked[asked:]
    assert "registered-models/alias" in again
    server.models["bard@champion"] = {**VERSION, "version": "4", "source": f"runs:/{RUN_ID}/registered/step_0000000007"}
    with pytest.raises(UserError, match=r"of which .* has no config.yaml"):
        fetch(server)


@pytest.mark.parametrize(
    "address",
    [
        "models:/",
        "models:/bard",
        "models:/bard@",
        "models:/@champion",
        "models:/bard/",
        "models:/bard/0",
        "models:/bard/x",
        "models:/bard/latest",
        "models:/bard/3/x",
        "models:/bard@a@b",
        "models:/../3",
        "models:/a/../3",
        "models:/.bard/3",
        "models:/bard/1234567890",
        "models:/b\u00e4r/3",
        "models:/m-0123456789abcdef",
        "models:///bard/3",
        "models:/bard@champion?x=1",
        "models:/bard@champion\n",
        f"models:/{'b' * 101}/3",
        f"models:/bard@{'b' * 101}",
    ],
)
def test_what_is_no_name_asks_no_store(server: SmallServer, address: str) -> None:
    with pytest.raises(UserError, match=r"^run must be models:/NAME@ALIAS or models:/NAME/VERSION"):
        fetch(server, address)
    assert server.asked == []


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "file:///etc",
        f"http://127.0.0.1:9/{PLACE}",
        "s3://bucket/model",
        f"mlflow-artifacts:/{RUN_ID}/{PLACE}",
        "models:/m-0123",
        f"runs:/{RUN_ID}/model",
        f"runs:/{RUN_ID}/{PLACE}/..",
        f"runs:/{RUN_ID}/registered/../step_0000000006",
        f"runs://evil.com/{RUN_ID}/{PLACE}",
        f"runs:/{RUN_ID.upper()}/{PLACE}",
        f"runs:/{RUN_ID}/{PLACE}\n",
        "",
        None,
        {"a": 1},
    ],
)
def test_files_in_another_place_are_not_looked_for(server: SmallServer, source: Any) -> None:
    server.models["bard@champion"] = {**VERSION, "source": source}
    with pytest.raises(UserError, match=r"^run must be a model that `register` made"):
        fetch(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize("changed", [{"name": "other"}, {"version": "../3"}, {"version": "0"}, {"version": ""}])
def test_a_version_that_is_none_of_the_name_is_refused(server: SmallServer, changed: dict[str, str]) -> None:
    server.models["bard@champion"] = {**VERSION, **changed}
    with pytest.raises(UserError, match=r"^run must be a model that `register` made"):
        fetch(server)


def test_an_answer_that_is_none_is_the_machines(server: SmallServer) -> None:
    server.models["bard@champion"] = ["x"]
    with pytest.raises(MachineError, match="does not answer like an MLflow server"):
        fetch(server)
    server.status = 500
    with pytest.raises(MachineError, match="does not answer like an MLflow server"):
        fetch(server)
    server.status = 403
    with pytest.raises(MachineError, match="refused access"):
        fetch(server)


def test_a_model_whose_weights_are_of_another_size_is_refused(server: SmallServer) -> None:
    server.files[f"{PLACE}/artifacts/run/checkpoints/step_0000000006/weights.npz"] += bytes(1 << 20)
    with pytest.raises(MachineError, match="must have at most"):
        fetch(server)
    assert not FETCHED.exists()


def test_a_name_that_the_store_lacks_is_one_line_with_the_store(server: SmallServer) -> None:
    for address in ("models:/bard@other", "models:/bard/4"):
        with pytest.raises(UserError, match=f"^run must be a model that is registered in {server.uri}, got"):
            fetch(server, address)
    for words in ("tracking=none", "tracking=local"):
        with pytest.raises(UserError, match=r"^run must be a model that is registered in"):
            find_run_anywhere(ADDRESS, partial(lambda tracking: tracking, compose(words).tracking))
        with pytest.raises(UserError, match=r"^training.init_from must be a model"):
            find_version(compose(words).tracking, ADDRESS, key="training.init_from")
