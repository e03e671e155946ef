"""A fetched run goes on in a new folder, or is the start of a new run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from charrnn_exp.api import load, open_model, resume
from charrnn_exp.cli import main
from charrnn_exp.config.reading import read_yaml
from charrnn_exp.run_folder.finding import list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from tests.conftest import SMALL
from tests.tracking.small_server import RUN_ID, SmallServer, read_files, serve_files

FETCHED = Path("mlruns/fetched") / RUN_ID
LONGER = "training.max_steps=9"


@pytest.fixture
def server(sent_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    """A server with the run, and an empty current folder."""
    monkeypatch.chdir(tmp_path)
    with serve_files(sent_files) as running:
        yield running


def find_words(server: SmallServer) -> list[str]:
    return ["tracking=server", f"tracking.uri={server.uri}"]


def make_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.slow
def test_it_goes_on_to_the_bytes_of_the_run_itself(
    server: SmallServer, sent_files: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    itself = make_folder(Path("itself"), sent_files)
    assert main(["sample", f"run={RUN_ID}", *find_words(server), "sampling.length=3"]) == 0
    fetched = read_files(FETCHED)
    assert main(["resume", f"run={itself}", LONGER]) == 0
    capsys.readouterr()
    assert main(["resume", f"run={RUN_ID}", "tracking=none", LONGER]) == 0
    (folder,) = list_runs()
    assert f"run {RUN_ID} goes on as a new run, untracked, in {folder.path}\n" in capsys.readouterr().out
    for name in ("weights.npz", "training.npz"):
        path = f"checkpoints/step_0000000009/{name}"
        assert (folder.path / path).read_bytes() == (itself / path).read_bytes()
    curves = read_metrics(folder.metrics)
    assert [step for step, _ in curves["train_loss"]] == list(range(1, 10))
    assert curves["val_loss"] == read_metrics(itself / "metrics.jsonl")["val_loss"]
    assert (folder.path / "changes.json").read_bytes() == (itself / "changes.json").read_bytes()
    assert read_files(FETCHED) == fetched, "the fetched run stays as it was"
    tracking = read_yaml(folder.config)["tracking"]
    assert (tracking["backend"], tracking["tags"]) == ("none", {"resumed_from": RUN_ID})
    summary = folder.read_summary()
    assert (summary.status, summary.step, summary.num_sessions) == ("FINISHED", 9, 2)


@pytest.mark.slow
def test_its_own_folder_typed_as_a_path_is_not_gone_on_with_either(server: SmallServer) -> None:
    load(RUN_ID, tracking=find_words(server))
    fetched = read_files(FETCHED)
    result = resume(FETCHED, "tracking=none", LONGER)
    assert (result.summary.step, result.folder.parts[0]) == (9, "outputs")
    assert read_files(FETCHED) == fetched


def test_a_resume_that_is_refused_makes_no_run(server: SmallServer) -> None:
    assert main(["resume", f"run={RUN_ID}", *find_words(server), LONGER, "sampling.prompt=@"]) == 2
    assert list_runs() == []
    assert not Path("outputs").exists()


def test_a_finished_one_is_only_told(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", f"run={RUN_ID}", *find_words(server)]) == 0
    assert "is finished: 6 steps of 6" in capsys.readouterr().out
    assert not Path("outputs").exists()


@pytest.mark.slow
def test_a_run_of_weights_alone_samples_and_says_the_way_to_go_on_which_works(
    server: SmallServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in [path for path in server.files if path.endswith("training.npz")]:
        server.files.pop(path)
    assert main(["resume", f"run={RUN_ID}", *find_words(server), LONGER]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f"got {RUN_ID}, of which the store has the weights alone" in line
    assert not Path("outputs").exists()
    assert main(["sample", f"run={RUN_ID}", "sampling.length=3"]) == 0
    assert open_model(RUN_ID)(open_model(RUN_ID).encode("def"))[0].shape[:2] == (1, 3)
    way_out = line.split()[-1]
    assert way_out == f"training.init_from={RUN_ID}"
    words = ["dataset.max_bytes=600", "model.cell=gru", "training.max_steps=1"]
    assert main([*SMALL, *words, way_out]) == 0
    (folder,) = list_runs()
    assert read_yaml(folder.config)["training"]["init_from"] == str(FETCHED)


@pytest.mark.slow
def test_a_new_run_fetches_the_one_that_it_starts_from(server: SmallServer) -> None:
    words = ["dataset.max_bytes=600", "model.cell=gru", "training.max_steps=1", f"training.init_from={RUN_ID}"]
    assert main([*SMALL, *words]) == 2, "tracking=none has no store"
    small = [word for word in SMALL if not word.startswith("tracking")]
    assert main([*small, *words, *find_words(server)]) == 0
    assert FETCHED.is_dir()


def test_a_loaded_run_has_its_numbers_and_its_sample(server: SmallServer, sent_files: dict[str, bytes]) -> None:
    result = load(RUN_ID, tracking=find_words(server))
    assert result.sample == sent_files["samples/step_6.txt"].decode()
    assert len(result.metrics["train_loss"]) == 6


@pytest.mark.slow
def test_a_checkpoint_before_the_end_is_told(server: SmallServer, capsys: pytest.CaptureFixture[str]) -> None:
    for path in [path for path in server.files if path.startswith("checkpoints/step_0000000006")]:
        server.files.pop(path)
    load(RUN_ID, tracking=find_words(server))
    assert main(["resume", f"run={RUN_ID}", "tracking=none", LONGER]) == 0
    assert "its newest checkpoint in the store is of step 4, its last step was 6" in capsys.readouterr().out
    (folder,) = list_runs()
    assert [step for step, _ in read_metrics(folder.metrics)["train_loss"]] == list(range(1, 10))


@pytest.mark.slow
def test_the_tag_stays_with_the_run_when_it_goes_on_again(server: SmallServer) -> None:
    load(RUN_ID, tracking=find_words(server))
    first = resume(RUN_ID, "tracking=local", LONGER)
    again = resume("latest", "training.max_steps=10")
    assert again.folder == first.folder
    record = RunFolder(first.folder).read_tracking()
    assert (record["tags"]["resumed_from"], record["complete"]) == (RUN_ID, True)
    assert record["run_id"] not in (None, RUN_ID)
