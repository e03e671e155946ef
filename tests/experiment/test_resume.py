"""A resume that is refused or fails leaves the run as it was."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.cli import main
from charrnn_exp.config.reading import flatten
from charrnn_exp.config.resumable import RESUMABLE
from charrnn_exp.run_folder.arrays import to_npz
from charrnn_exp.run_folder.checkpoint import MANIFEST, WEIGHTS, hash_manifest
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from tests.conftest import SMALL

WORDS = ["dataset=file", "dataset.path=text.txt", "training.max_steps=1", "optimizer.warmup_steps=0"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a text, with a run of one update on it."""
    here = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        Path("text.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 20)
        run(compose(*SMALL, *WORDS), run_name="my run")
    return here


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, in a copy of its folder, which is entered."""
    monkeypatch.chdir(shutil.copytree(trained, tmp_path, dirs_exist_ok=True))
    return find_run("latest").path


def hash_files(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_resume_on_another_text_is_refused_and_leaves_every_byte(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = hash_files(folder)
    with Path("text.txt").open("a") as text:
        text.write("\u00e9")
    assert main(["resume", "training.max_steps=2"]) == 2
    assert "must be of the same vocabulary_sha256" in capsys.readouterr().err
    assert hash_files(folder) == found


def test_a_resume_without_a_whole_checkpoint_keeps_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.glob("checkpoints/*/weights.npz"):
        path.write_bytes(b"damaged")
    found = hash_files(folder)
    assert main(["resume", "training.max_steps=2"]) == 3
    assert "no whole checkpoint" in capsys.readouterr().err
    changed = {name for name, digest in hash_files(folder).items() if found.get(name) != digest}
    assert changed <= {".lock"}


@pytest.mark.parametrize("status", ["FINISHED", "RUNNING"], ids=["finished", "killed"])
def test_a_resume_that_fails_when_the_model_is_built_leaves_every_byte(
    folder: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    """The checkpoint is whole, but its weights are of another shape, which is found out when they are loaded."""
    run = RunFolder(folder)
    run.write_summary(replace(run.read_summary(), status=status))
    (path,) = folder.glob("checkpoints/step_*")
    manifest = json.loads((path / MANIFEST).read_text())
    with np.load(path / WEIGHTS) as arrays:
        raw = bytes(to_npz({name: array[..., :-1] for name, array in arrays.items()}))
    (path / WEIGHTS).write_bytes(raw)
    manifest["files"][WEIGHTS] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    del manifest["sha256"]
    (path / MANIFEST).write_text(json.dumps({**manifest, "sha256": hash_manifest(manifest)}))
    found = hash_files(folder)
    assert resume("training.max_steps=2", "optimizer.learning_rate=0.003") == 3
    said = capsys.readouterr()
    assert "the checkpoint is damaged" in said.err
    assert "memory: about" in said.out
    changed = {name for name, digest in hash_files(folder).items() if found.get(name) != digest}
    assert changed <= {".lock"}


def test_after_a_resume_the_name_is_the_one_it_had_and_the_log_holds_what_was_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = RunFolder(folder).read_summary()
    assert main(["resume", "training.max_steps=2"]) == 0
    summary = RunFolder(folder).read_summary()
    assert (ended.name, summary.name, ended.num_sessions, summary.num_sessions) == ("my run", "my run", 1, 2)
    log = (folder / "run.log").read_text()
    said = [line for line in capsys.readouterr().out.splitlines() if line]
    assert [line for line in said if line not in log] == []
    assert len(said) > 20


def resume(*words: str) -> int:
    return main(["resume", *words])


def read_changes(folder: Path) -> list[tuple[int, str, object, object]]:
    listed = json.loads((folder / "changes.json").read_text())["changes"]
    return [(each["step"], each["setting"], each["old"], each["new"]) for each in listed]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["model.hidden_size=7"], 2, "training.init_from=RUN"),
        (["optimizer.name=sgd"], 2, "training.init_from=RUN"),
        (["optimizer.schedule=step"], 2, "optimizer.decay_rate must be a number"),
        (["training.batch_size=100000"], 2, "Lower training.batch_size"),
        (["dataset.path=missing.txt"], 2, "which does not exist"),
        (["dataset.path=other.txt"], 2, "must be of the same dataset"),
        (["sampling.prompt=@"], 2, "sampling.prompt must hold only symbols"),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else None,
)
def test_a_refused_resume_leaves_every_byte(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    Path("other.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 21)
    found = hash_files(folder)
    assert resume("training.max_steps=2", *words) == code
    assert said in capsys.readouterr().err
    changed = {name for name, digest in hash_files(folder).items() if found.get(name) != digest}
    assert changed <= {".lock"}


@pytest.mark.parametrize("name", ["metrics.jsonl", "tracking.json", "changes.json", "versions.json", "summary.json"])
def test_a_resume_of_a_damaged_run_leaves_every_byte(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (folder / name).write_text("[3]\n")
    found = hash_files(folder)
    assert resume("training.max_steps=2") == 3
    assert name in capsys.readouterr().err
    changed = {key for key, digest in hash_files(folder).items() if found.get(key) != digest}
    assert changed <= {".lock"}


@pytest.mark.slow
def test_a_run_goes_on_with_other_settings_and_lists_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Updates of 4 x 7 characters, of 801: 28 an epoch; then of 2 x 7, 57 an epoch."""
    Path("text.txt").rename("moved.txt")
    words = ["training.max_steps=30", "training.batch_size=2", "optimizer.learning_rate=0.001", "model.dropout=0.2"]
    kept = [(folder / name).stat() for name in ("vocabulary.json", "parameters.txt")]
    assert resume("dataset.path=moved.txt", *words) == 0
    assert [(folder / name).stat() for name in ("vocabulary.json", "parameters.txt")] == kept
    expected = {
        (1, "dataset.path", "text.txt", "moved.txt"),
        (1, "model.dropout", 0.0, 0.2),
        (1, "optimizer.learning_rate", 0.004, 0.001),
        (1, "training.max_steps", 1, 30),
        (28, "training.batch_size", 4, 2),
    }
    assert set(read_changes(folder)) == expected
    assert "changed: training.batch_size 4 -> 2 after step 28" in (folder / "run.log").read_text()
    capsys.readouterr()
    assert resume("training.max_steps=90", "model.dropout=0") == 0
    assert "resuming after step 30 " in capsys.readouterr().out
    assert {(30, "training.max_steps", 30, 90), (30, "model.dropout", 0.2, 0.0)} == set(read_changes(folder)) - expected
    summary = RunFolder(folder).read_summary()
    assert (summary.status, summary.step, summary.epoch) == ("FINISHED", 90, 2)
    rates = [rate for _, rate in read_metrics(folder / "metrics.jsonl")["learning_rate"]]
    assert max(rates[1:]) <= 0.001 < rates[0]


@pytest.mark.slow
@pytest.mark.parametrize(("word", "is_known"), [("tracking.log_every_steps=7", True), ("model.dropout=0.2", False)])
def test_a_sweep_knows_a_run_that_went_on_with_other_names_and_places(word: str, is_known: bool, folder: Path) -> None:
    config = compose(*SMALL, *WORDS, "training.max_steps=3", "training.checkpoint_every_steps=1")
    ended = RunFolder(run(config).folder)
    key = ended.read_summary().job_hash
    assert key is not None
    for step in (2, 3):  # as if it had been killed after the first
        shutil.rmtree(ended.checkpoints / f"step_{step:010d}")
    ended.write_summary(replace(ended.read_summary(), status="KILLED"))
    Path("text.txt").rename("moved.txt")
    assert resume("dataset.path=moved.txt", word) == 0
    summary = ended.read_summary()
    assert (summary.step, summary.job_hash) == (3, key if is_known else None)


@pytest.mark.slow
def test_every_setting_that_a_resume_may_change_is_taken_and_listed(folder: Path) -> None:
    first: dict[str, object] = {
        "model.dropout": 0.2, "model.input_dropout": 0.1, "model.output_dropout": 0.1, "model.embedding_dropout": 0.1,
        "model.weight_dropout": 0.3,
        "model.variational_dropout": True, "optimizer.learning_rate": 0.003, "optimizer.schedule": "plateau",
        "optimizer.decay_rate": 0.5, "optimizer.plateau_patience": 2,
        "optimizer.min_learning_rate": 1e-05, "optimizer.warmup_steps": 2, "optimizer.clip_norm": 3.0,
        "optimizer.weight_decay": 0.02, "optimizer.weight_decay_exclude": ["kernel"], "training.epochs": 3,
        "training.max_steps": 4, "training.batch_size": 2, "training.sequence_length": 5,
        "training.early_stopping_patience": 9, "training.validate_every_steps": 3,
        "training.checkpoint_every_epochs": 2, "training.checkpoint_every_steps": 3, "training.keep_checkpoints": 4,
        "training.devices": 1,
        "sampling.length": 7, "sampling.temperature": 0.25, "sampling.seed": 3, "tracking.log_every_steps": 3,
    }  # fmt: skip
    second = {"optimizer.schedule": "step", "optimizer.decay_every_epochs": 1, "optimizer.plateau_patience": None,
              "optimizer.clip_norm": None, "optimizer.clip_value": 0.5, "training.max_steps": 5}  # fmt: skip
    assert {key for key in RESUMABLE if not key.endswith(".")} - {"dataset.path"} <= {*first, *second}
    for others in (first, second):
        assert resume(*(f"{key}={json.dumps(value)}".replace('"', "") for key, value in others.items())) == 0
        listed = {setting: new for _, setting, _, new in read_changes(folder)}
        values = flatten(RunFolder(folder).read_values())
        for key, value in others.items():
            assert listed[key] == values[key] == value, key


@pytest.mark.slow
def test_a_changed_run_that_is_stopped_within_an_epoch_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    words = ["training.max_steps=40", "training.batch_size=2", "model.dropout=0.2", "training.checkpoint_every_steps=5"]
    words += ["training.keep_checkpoints=20"]
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert resume(f"run={folder}", *words) == 0
    assert resume(f"run={copy}", *words) == 0
    for path in copy.glob("checkpoints/step_*"):  # as if it had been killed after its checkpoint of step 20
        if int(path.name.removeprefix("step_")) > 20:
            shutil.rmtree(path)
    (copy / "summary.json").unlink()
    assert resume(f"run={copy}") == 0
    last = "checkpoints/step_0000000040"
    for name in ("weights.npz", "training.npz"):
        assert (copy / last / name).read_bytes() == (folder / last / name).read_bytes()
    assert read_changes(copy) == read_changes(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "has_checkpoint", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["from a checkpoint", "from the start"]
)
def test_a_run_killed_within_the_first_save_of_a_session_goes_on_as_it_was_asked_to(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_checkpoint: bool,
) -> None:
    """The copy is what a kill at that moment leaves: new settings, rows of the updates, and no checkpoint of them."""
    if not has_checkpoint:
        shutil.rmtree(folder / "checkpoints")
        RunFolder(folder).write_summary(replace(RunFolder(folder).read_summary(), status="RUNNING"))
    write_folder, copy = CheckpointStore._write_folder, tmp_path / "copy"

    def keep_a_copy(store: CheckpointStore, target: Path, files: dict[str, memoryview]) -> None:
        if not copy.exists():
            shutil.copytree(folder, copy)
        write_folder(store, target, files)

    monkeypatch.setattr(CheckpointStore, "_write_folder", keep_a_copy)
    words = ["training.max_steps=12", "training.batch_size=2", "model.dropout=0.2", "training.checkpoint_every_steps=5"]
    assert resume(f"run={folder}", *words) == 0
    assert (copy / "config.yaml").read_bytes() == (folder / "config.yaml").read_bytes()
    assert len(read_metrics(copy / "metrics.jsonl")["train_loss"]) == 5
    assert len(list(copy.glob("checkpoints/step_*"))) == has_checkpoint
    capsys.readouterr()
    assert main(["sample", f"run={copy}"]) == (0 if has_checkpoint else 3)
    said = capsys.readouterr().err
    assert ("checkpoint step_0000000001" if has_checkpoint else "has no checkpoint: resume it first") in said
    assert resume(f"run={copy}") == 0
    said = capsys.readouterr().out
    assert ("resuming after step 1 from" if has_checkpoint else "no checkpoint yet: starting at step 0") in said
    assert "changed:" not in said
    last = "checkpoints/step_0000000012"
    for name in ("weights.npz", "training.npz"):
        assert (copy / last / name).read_bytes() == (folder / last / name).read_bytes()
    assert read_changes(copy) == read_changes(folder)
    losses = [read_metrics(path / "metrics.jsonl")["train_loss"] for path in (copy, folder)]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_a_rate_that_will_jump_is_told_with_a_way_around_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert resume("training.max_steps=20") == 0
    assert "the learning rate jumps" not in capsys.readouterr().err  # from the peak: the first update was the only one
    assert resume("training.max_steps=40") == 0
    said = capsys.readouterr().err
    told = re.search(r"jumps from (\S+) to (\S+) \((\d+)% of its peak\).*Without the jump: (.*) \(or", said)
    assert told is not None
    rates = [rate for _, rate in read_metrics(folder / "metrics.jsonl")["learning_rate"]]
    assert float(told[1]) == pytest.approx(rates[19], rel=0.01)
    assert float(told[2]) == pytest.approx(rates[20], rel=0.01)
    words = told[4].split()[told[4].split().index("resume") :]
    assert main([*(word for word in words if not word.startswith("training.max_steps")), "training.max_steps=45"]) == 0
    assert "jumps" not in capsys.readouterr().err
    after = [rate for _, rate in read_metrics(folder / "metrics.jsonl")["learning_rate"]][40:]
    assert after == [float(told[1])] * 5


@pytest.mark.slow
def test_a_run_that_stopped_early_says_how_to_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["training.max_steps=100", "training.validate_every_steps=1", "training.early_stopping_patience=1"]
    assert resume(*words, "optimizer.learning_rate=3", "optimizer.schedule=constant") == 0
    assert "early stopping after step" in capsys.readouterr().out
    assert resume() == 0
    said = capsys.readouterr().out
    assert "is finished" in said
    advised = said.rpartition("resume ")[2].split()
    assert "training.early_stopping_patience=2" in advised
    before = RunFolder(folder).read_summary().step
    assert resume(*advised) == 0
    assert RunFolder(folder).read_summary().step > before


@pytest.mark.slow
def test_a_run_that_diverged_has_its_last_weights_and_a_way_out_that_works(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wild = ["training.max_steps=9", "optimizer.learning_rate=1e38", "optimizer.schedule=constant"]
    assert resume(*wild, "optimizer.clip_norm=null") == 2
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "diverged" in line)
    store = CheckpointStore(folder / "checkpoints", facts={}, num_rolling=1)
    newest = store.find_all()[-1]
    assert newest.step >= 1
    assert newest.read_manifest()["resume_from"] < newest.step
    assert all(np.all(np.isfinite(array)) for array in newest.read("weights.npz").values())
    assert main(["sample"]) == 0
    assert resume() == 2
    assert "would again" in capfd.readouterr().err
    advised = line.rpartition("resume ")[2].split()
    assert "optimizer.clip_norm=1" in advised
    assert resume(*advised) == 0
    summary = RunFolder(folder).read_summary()
    assert (summary.status, summary.step) == ("FINISHED", 9)
    assert all("resume_from" not in checkpoint.read_manifest() for checkpoint in store.find_all())
    assert [step for step, _ in read_metrics(folder / "metrics.jsonl")["train_loss"]] == list(range(1, 10))


@pytest.mark.slow
def test_a_prompt_file_may_go_once_a_run_has_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("prompt.txt").write_text("the fox\n")
    assert resume("training.max_steps=2", "sampling.prompt_file=prompt.txt") == 0
    Path("prompt.txt").unlink()
    capfd.readouterr()
    assert main(["sample"]) == 0
    assert capfd.readouterr().out.startswith("the fox")


def test_a_text_that_moved_is_scored_where_it_is_and_another_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.txt").rename("moved.txt")
    Path("text.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 21)
    assert main(["evaluate", "dataset.path=moved.txt"]) == 0
    assert main(["evaluate"]) == 2
    assert "must be of the same dataset" in capsys.readouterr().err
