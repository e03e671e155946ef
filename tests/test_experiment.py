"""Whole runs, as real processes: what they print, leave behind, and end with."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.tracking.metrics import read_metrics
from charrnn_exp.tracking.run_folder import RunFolder
from tests.conftest import SMALL

SHORT = [word for word in SMALL if not word.startswith("tracking")] + ["training.sequence_length=150"]
"""Nine steps an epoch."""


def start(folder: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "charrnn_exp", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
    process = start(folder, *words)
    out, err = process.communicate(timeout=200)
    assert process.returncode == code, err
    return out, err


def find_runs(folder: Path) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted(folder.glob("outputs/**/config.yaml"))]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """One tracked run of two epochs, with what it printed."""
    folder = tmp_path_factory.mktemp("tracked")
    out, err = run(folder, *SHORT, "training.epochs=2", "training.checkpoint_every_epochs=1", "tracking.tags.team=a b")
    return folder, out, err


@pytest.fixture(scope="module")
def mlflow_run(tracked: tuple[Path, str, str]) -> tuple[Any, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tracked[0]}/mlruns/mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("charrnn").experiment_id])
    return client, found


def test_a_run_prints_loss_sample_and_the_way_to_the_ui(tracked: tuple[Path, str, str]) -> None:
    _, out, err = tracked
    assert err == ""
    assert re.search(r"^memory: about 0\.\d\d GiB of [\d.,]+ GiB free$", out.partition("epoch 1/2")[0], re.MULTILINE)
    assert "epoch 2/2  step 18  train_loss" in out
    assert "--- sample after step 18 ---" in out
    assert "nats per character" in out
    assert "bits per character" in out
    assert "python -m charrnn_exp ui" in out


def test_the_run_folder_holds_what_the_contract_names(tracked: tuple[Path, str, str]) -> None:
    (folder,) = find_runs(tracked[0])
    found = {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}
    checkpoints = {
        f"checkpoints/step_{s:010d}/{n}" for s in (9, 18) for n in ("weights.npz", "training.npz", "manifest.json")
    }
    assert found == checkpoints | {
        ".lock",
        "config.yaml",
        "vocabulary.json",
        "parameters.txt",
        "checkpoints/best.json",
        "metrics.jsonl",
        "samples/step_9.txt",
        "samples/step_18.txt",
        "plots/loss.png",
        "run.log",
        "summary.json",
        "tracking.json",
    }
    for path in folder.path.rglob("*"):
        assert path.is_dir() or str(tracked[0]).encode() not in path.read_bytes(), path


def test_the_summary_says_what_the_rows_say(tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any]) -> None:
    (folder,) = find_runs(tracked[0])
    summary, curves = folder.read_summary(), read_metrics(folder.metrics)
    assert summary["status"] == "FINISHED"
    assert (summary["step"], summary["epoch"]) == (18, 2)
    assert summary["run_id"] == mlflow_run[1].info.run_id
    assert summary["val_loss"] == curves["val_loss"][-1][1]
    assert summary["bits_per_char"] == pytest.approx(summary["val_loss"] * 1.442695)
    assert summary["best_val_loss"] == min(value for _, value in curves["val_loss"])
    assert summary["train_loss"] == pytest.approx(sum(v for _, v in curves["train_loss"][9:]) / 9)
    assert 0 < summary["ngram_val_loss"] < 5
    assert (folder.path / summary["checkpoint"]).is_dir()
    assert (folder.path / summary["sample"]).is_file()


def test_the_summary_says_where_the_time_went(tracked: tuple[Path, str, str]) -> None:
    (folder,) = find_runs(tracked[0])
    summary = folder.read_summary()
    seconds = dict(summary["seconds_by_activity"])
    assert list(seconds) == [
        "start", "updates", "validation", "checkpoints", "samples", "tracking", "tracking_thread_cpu"
    ]  # fmt: skip
    assert min(seconds.values()) > 0
    assert seconds.pop("tracking_thread_cpu") < summary["seconds"]  # beside the others, on the other core
    assert 0.5 * summary["seconds"] < sum(seconds.values()) <= summary["seconds"] + 0.1
    assert f"time: start {seconds['start']:.1f} s, updates {seconds['updates']:.1f} s, validation" in tracked[1]


def test_mlflow_has_every_setting_as_a_param(mlflow_run: tuple[Any, Any]) -> None:
    config = compose_jobs([*SHORT, "training.epochs=2", "training.checkpoint_every_epochs=1"])[0]
    expected = {key: str(value) for key, value in flatten(to_values(config)).items() if key != "tracking.tags"}
    found = dict(mlflow_run[1].data.params)
    assert found.pop("tracking.tags.team") == "a b"
    assert found == expected


def test_mlflow_has_every_metric_of_every_step(tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any]) -> None:
    (folder,) = find_runs(tracked[0])
    client, found = mlflow_run
    curves = read_metrics(folder.metrics)
    assert set(curves) == {
        "train_loss", "val_loss", "val_bits_per_char", "learning_rate", "gradient_norm", "chars_per_second"
    }  # fmt: skip
    for name, curve in curves.items():
        history = client.get_metric_history(found.info.run_id, name)
        assert [(m.step, m.value) for m in history] == curve, name


def test_mlflow_has_name_status_tags_and_dataset(mlflow_run: tuple[Any, Any]) -> None:
    found = mlflow_run[1]
    assert found.info.status == "FINISHED"
    assert found.info.run_name.startswith("dataset.max_bytes=6007 model.hidden_size=5")
    tags = found.data.tags
    assert tags["team"] == "a b"
    assert tags["version.tensorflow"]
    assert tags["run_folder"].startswith("charrnn/")
    (dataset,) = (entry.dataset for entry in found.inputs.dataset_inputs)
    assert dataset.name == "stdlib"
    assert json.loads(dataset.profile)["num_characters"] == 6007
    assert tags["dataset.sha256"].startswith(dataset.digest)


def test_mlflow_has_the_artifacts(mlflow_run: tuple[Any, Any], tmp_path: Path) -> None:
    client, found = mlflow_run
    root = Path(client.download_artifacts(found.info.run_id, "", str(tmp_path)))
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    best = {name for name in names if name.startswith("checkpoints/")}
    assert {name.rpartition("/")[2] for name in best} == {"weights.npz", "manifest.json", "training.npz"}
    assert names - best == {
        "config.yaml", "vocabulary.json", "parameters.txt", "metrics.jsonl", "run.log", "summary.json",
        "samples.json", "samples/step_9.txt", "samples/step_18.txt", "plots/loss.png",
    }  # fmt: skip
    table = json.loads((root / "samples.json").read_text())
    assert [row[1] for row in table["data"]] == [9, 18]


def test_sample_streams_text_of_the_run_and_head_may_leave(tracked: tuple[Path, str, str]) -> None:
    folder = tracked[0]
    out, err = run(folder, "sample", "run=latest", "sampling.length=50", 'sampling.prompt="def "')
    assert err == ""
    assert out.startswith("def ")
    assert len(out) == len("def ") + 50 + 1
    again, _ = run(folder, "sample", "sampling.length=50", 'sampling.prompt="def "')
    assert again == out
    process = start(folder, "sample", "sampling.length=100000")
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_resume_of_a_finished_run_says_so_and_goes_on_longer_in_the_same_mlflow_run(
    tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tracked[0], tmp_path / "copy"))
    out, _ = run(folder, "resume", "run=latest")
    assert "is finished: 18 steps of 18" in out
    out, err = run(folder, "resume", "run=latest", "training.epochs=3")
    assert err == ""
    assert "resuming after step 18" in out
    (after,) = find_runs(folder)
    assert after.read_summary()["step"] == 27
    assert after.read_summary()["run_id"] == mlflow_run[1].info.run_id
    assert [step for step, _ in read_metrics(after.metrics)["train_loss"]] == list(range(1, 28))
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlruns/mlflow.db")
    history = client.get_metric_history(mlflow_run[1].info.run_id, "train_loss")
    assert [metric.step for metric in history] == list(range(1, 28))


def test_tracking_none_does_not_import_mlflow_and_leaves_no_store(tmp_path: Path) -> None:
    script = (
        "import sys; from charrnn_exp.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert 'mlflow' not in sys.modules and code == 0, code"
    )
    words = [*SHORT, "tracking=none", "training.max_steps=2"]
    subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, check=True, capture_output=True, timeout=200)
    assert not (tmp_path / "mlruns").exists()
    assert find_runs(tmp_path)[0].read_summary()["run_id"] is None


@pytest.mark.parametrize(
    ("signal_number", "code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_signal_takes_a_checkpoint_and_resume_goes_on(tmp_path: Path, signal_number: int, code: int) -> None:
    process = start(tmp_path, *SHORT, "tracking=none", "training.epochs=100000", preexec_fn=_default_signals)
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and not any(tmp_path.glob("outputs/*/*/*/metrics.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal_number)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert time.monotonic() - began < 10
    assert "resume run=" in err
    (folder,) = find_runs(tmp_path)
    summary = folder.read_summary()
    assert summary["status"] == "KILLED"
    stopped_at = summary["step"]
    out, _ = run(tmp_path, "resume", f"training.max_steps={stopped_at + 3}")
    assert f"resuming after step {stopped_at:,}" in out
    steps = [step for step, _ in read_metrics(folder.metrics)["train_loss"]]
    assert steps == list(range(1, stopped_at + 4))


def test_a_loss_that_is_not_a_number_fails_with_3_and_one_line(tmp_path: Path) -> None:
    _, err = run(tmp_path, *SHORT, "tracking=none", "optimizer.learning_rate=1e38", "optimizer.warmup_steps=0", code=3)
    assert err.startswith("charrnn_exp: error: the training loss must be a finite number")
    assert err.count("\n") == 1
    assert find_runs(tmp_path)[0].read_summary()["status"] == "FAILED"


def test_a_run_in_a_sweep_gives_the_numbers_it_gives_alone(tmp_path: Path) -> None:
    words = [*SHORT, "tracking=none", "training.max_steps=3", "model.dropout=0.3"]
    run(tmp_path, "-m", *words, "seed=1,2")
    run(tmp_path, *words, "seed=2", "name=alone")
    assert [folder.read_config().seed for folder in find_runs(tmp_path)] == [2, 1, 2]
    swept, alone = (
        RunFolder(next(tmp_path.glob(pattern)).parent)
        for pattern in ("outputs/charrnn/*/*/1/config.yaml", "outputs/alone/*/*/config.yaml")
    )
    assert read_metrics(swept.metrics)["train_loss"] == read_metrics(alone.metrics)["train_loss"]


@pytest.mark.slow
def test_a_run_starts_from_another_and_needs_it_no_more_once_it_has_a_checkpoint(tmp_path: Path) -> None:
    words = [*SHORT, "tracking=none", "training.checkpoint_every_steps=1", "optimizer.warmup_steps=0"]
    run(tmp_path, *words, "training.max_steps=12")
    (first,) = find_runs(tmp_path)
    start_from = [*words, "training.init_from=latest", "dataset.max_bytes=9007", "name=tuned", "seed=2"]
    out, err = run(tmp_path, *start_from, "training.max_steps=1", "training.profile_steps=1")
    assert err == "charrnn_exp: warning: training.profile_steps: no profile, since fewer than 3 updates were made.\n"
    (second,) = (folder for folder in find_runs(tmp_path) if "tuned" in folder.label)
    place = first.path.relative_to(tmp_path)
    assert second.read_config().training.init_from == str(place)
    begin = f"starting from {place}/checkpoints/step_"
    assert begin in out
    assert not second.profile.exists()
    loss = read_metrics(second.metrics)["train_loss"]
    assert loss[0][1] < read_metrics(first.metrics)["train_loss"][0][1]
    shutil.rmtree(second.checkpoints)
    out, _ = run(tmp_path, "resume", f"run={second.path.relative_to(tmp_path)}", "training.max_steps=4")
    assert begin in out
    assert read_metrics(second.metrics)["train_loss"][:1] == loss
    assert len(list(second.profile.rglob("*.pb"))) == 1
    shutil.rmtree(first.path)
    out, _ = run(tmp_path, "resume", f"run={second.path.relative_to(tmp_path)}", "training.max_steps=5")
    assert begin not in out
    assert second.read_summary()["step"] == 5


def _default_signals() -> None:
    """A test runner in the background may ignore SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgrp()


def test_a_run_that_another_process_works_on_is_left_alone(tracked: tuple[Path, str, str]) -> None:
    (folder,) = find_runs(tracked[0])
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file() and path.name != ".lock"}
    with folder.lock():
        out, err = run(tracked[0], "resume", "training.epochs=3", code=3)
    place = folder.path.relative_to(tracked[0])
    expected = f"run {place} must be free, got process {os.getpid()}, which works on it. Wait for it or stop it."
    assert (out, err) == ("", f"charrnn_exp: error: {expected}\n")
    assert {path: path.read_bytes() for path in before} == before
