"""Whole runs: what they print, leave behind, and end with. The first is a process of its own, the others are forks."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.choices import Backend
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.errors import Interrupted
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.run import run_experiment
from charrnn_exp.experiment.track import describe_run
from charrnn_exp.machine.tensorflow import find_threads
from charrnn_exp.model.threads import Workers
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.signals import StopRequest
from charrnn_exp.tracking.rows import find_places
from charrnn_exp.views.scores import format_score_header
from charrnn_exp.views.terminal import Terminal
from stress.mlflow_rows import find_mlflow_problems
from tests.conftest import SMALL
from tests.forks import Program

T = TypeVar("T")
SHORT = [word for word in SMALL if not word.startswith("tracking")] + ["training.sequence_length=150"]
"""Nine steps an epoch."""
TIMED = [pytest.mark.slow, pytest.mark.alone]
PARTED = ["dataset.split=fraction", "dataset.val_fraction=0.09", "dataset.test_fraction=0.01"]
"""540 characters of validation text, 60 of test text, and the same training text as without."""


TRACKED = [
    *SHORT,
    *PARTED,
    "training.epochs=2",
    "training.checkpoint_every_epochs=1",
    "training.max_val_characters=500",
]


def given(value: T | None) -> T:
    assert value is not None
    return value


@dataclass(frozen=True)
class Command:
    """Runs the program in a folder.

    Args:
        program: what forks.
    """

    program: Program

    def __call__(self, folder: Path, *words: str, code: int = 0) -> tuple[str, str]:
        ended = self.program.run(folder, *words)
        assert ended.returncode == code, ended.stderr
        return ended.stdout, ended.stderr


@pytest.fixture
def run(program: Program) -> Command:
    return Command(program)


def find_runs(folder: Path) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted(folder.glob("outputs/**/config.yaml"))]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """One tracked run of two epochs, with what it printed."""
    folder = tmp_path_factory.mktemp("tracked")
    command = [sys.executable, "-m", "charrnn_exp", *TRACKED, "tracking.tags.team=a b"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout, ended.stderr


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
    start = out.partition("epoch 1/2")[0]
    assert "tracking: MLflow experiment 'charrnn' in mlruns/mlflow.db" in start, start


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
        "versions.json",
    }
    for path in folder.path.rglob("*"):
        assert path.is_dir() or str(tracked[0]).encode() not in path.read_bytes(), path


def test_the_summary_says_what_the_rows_say(tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any]) -> None:
    (folder,) = find_runs(tracked[0])
    summary, curves = folder.read_summary(), read_metrics(folder.metrics)
    assert summary.status == "FINISHED"
    assert (summary.step, summary.epoch) == (18, 2)
    assert summary.run_id == mlflow_run[1].info.run_id
    assert summary.val_loss == curves["val_loss"][-1][1]
    assert summary.bits_per_char == pytest.approx(summary.val_loss * 1.442695)
    assert summary.best_val_loss == min(value for _, value in curves["val_loss"])
    assert summary.train_loss == pytest.approx(sum(v for _, v in curves["train_loss"][9:]) / 9)
    assert 0 < given(summary.ngram_val_loss) < 5
    assert (folder.path / given(summary.checkpoint)).is_dir()
    assert (folder.path / given(summary.sample)).is_file()


def test_the_summary_has_the_scores_of_validation_and_test_text(tracked: tuple[Path, str, str]) -> None:
    (folder,) = find_runs(tracked[0])
    summary, curves = folder.read_summary(), read_metrics(folder.metrics)
    assert summary.val_characters == {"used": 500, "all": 540}
    assert summary.dataset_notes == []
    assert given(summary.scores)["val"]["loss"] == summary.val_loss
    assert given(summary.scores)["test"]["loss"] == summary.test_loss
    assert {split: scores["num_characters"] for split, scores in given(summary.scores).items()} == {
        "val": 499,
        "test": 59,
    }
    for split, scores in given(summary.scores).items():
        assert list(scores) == ["loss", "bits_per_char", "perplexity", "accuracy", "standard_error", "num_characters"]
        assert scores["perplexity"] == pytest.approx(math.exp(given(scores["loss"])))
        assert 0 < given(scores["accuracy"]) < 1
        assert scores["standard_error"] is None, "a text of a few hundred characters does not tell"
        for name in ("loss", "bits_per_char", "perplexity", "accuracy"):
            assert curves[f"{split}_{name}"][-1] == (18, scores[name])


def test_the_last_lines_have_a_table_of_the_scores(tracked: tuple[Path, str, str]) -> None:
    summary = find_runs(tracked[0])[0].read_summary()
    assert "validation uses the first 500 of 540 characters" in tracked[1]
    table = tracked[1][tracked[1].index(format_score_header()) :].splitlines()
    assert [line.split()[0] for line in table[1:3]] == ["val", "test"]
    for line, scores in zip(table[1:3], given(summary.scores).values(), strict=True):
        assert f"{scores['loss']:.4f}" in line
        assert f"{100 * given(scores['accuracy']):.2f} %" in line
        assert line.endswith(f" {scores['num_characters']}")


def test_the_summary_says_where_the_time_went(tracked: tuple[Path, str, str]) -> None:
    (folder,) = find_runs(tracked[0])
    summary = folder.read_summary()
    seconds = dict(given(summary.seconds_by_activity))
    assert list(seconds) == [
        "start", "updates", "validation", "checkpoints", "samples", "scores", "tracking", "tracking_thread_cpu"
    ]  # fmt: skip
    assert min(seconds.values()) > 0
    assert seconds.pop("tracking_thread_cpu") < given(summary.seconds)  # beside the others, on the other core
    assert 0.5 * given(summary.seconds) < sum(seconds.values()) <= given(summary.seconds) + 0.1
    share = 100 * seconds["updates"] / given(summary.seconds)
    assert f"updates {seconds['updates']:.1f} s ({share:.1f} %), validation" in " ".join(tracked[1].split())


def test_mlflow_has_every_setting_as_a_param(mlflow_run: tuple[Any, Any]) -> None:
    config = compose_jobs(TRACKED)[0]
    expected = {key: str(value) for key, value in flatten(to_values(config)).items() if key != "tracking.tags"}
    found = dict(mlflow_run[1].data.params)
    assert found.pop("tracking.tags.team") == "a b"
    assert found == expected


def test_mlflow_has_every_metric_of_the_rows_that_it_gets(
    tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any]
) -> None:
    (folder,) = find_runs(tracked[0])
    client, found = mlflow_run
    curves = read_metrics(folder.metrics)
    assert set(curves) == {
        "train_loss", "val_loss", "val_bits_per_char", "learning_rate", "gradient_norm", "chars_per_second",
        "val_perplexity", "val_accuracy", "test_loss", "test_bits_per_char", "test_perplexity", "test_accuracy",
    }  # fmt: skip
    assert not find_mlflow_problems(client.tracking_uri, folder)
    for name, curve in curves.items():
        place, _ = find_places(name, 0)[-1]
        history = [(metric.step, metric.value) for metric in client.get_metric_history(found.info.run_id, place)]
        if name in ("train_loss", "learning_rate", "gradient_norm", "chars_per_second"):
            assert history == [(step, value) for step, value in curve if step in (1, 10, 18)], name
        elif name in ("val_loss", "val_bits_per_char"):
            assert history == curve, name
        else:
            assert history == [(0, curve[-1][1])], name


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
        "versions.json", "samples.json", "samples/step_9.txt", "samples/step_18.txt", "plots/loss.png",
    }  # fmt: skip
    table = json.loads((root / "samples.json").read_text())
    assert table["columns"] == ["sample", "text", "run", "step", "val_loss", "temperature"]
    assert [row[3] for row in table["data"]] == [9, 18]


@pytest.mark.slow
def test_sample_streams_text_of_the_run_and_head_may_leave(
    tracked: tuple[Path, str, str], run: Command, program: Program
) -> None:
    folder = tracked[0]
    out, err = run(folder, "sample", "run=latest", "sampling.length=50", 'sampling.prompt="def "')
    assert re.fullmatch(r"charrnn_exp: note: run \S+, checkpoint step_\d{10} \(val_loss .*\)\n", err)
    assert out.startswith("def ")
    assert len(out) == len("def ") + 50 + 1
    process = program.start(folder, "sample", "sampling.length=100000")
    process.stdout.read(10)
    process.stdout.close()
    ended = process.finish()
    assert (ended.returncode, ended.stdout, ended.stderr) == (141, "", err)


def copy_run(tracked: tuple[Path, str, str], to: Path) -> RunFolder:
    """A copy of the tracked run alone, without the store."""
    (folder,) = find_runs(tracked[0])
    return RunFolder(Path(shutil.copytree(folder.path, to / "outputs" / folder.label)))


def test_evaluate_prints_the_scores_of_every_part_or_of_a_file(
    tracked: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_run(tracked, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == format_score_header(names=("val", "test", "train"))
    width = len(format_score_header())
    assert "\n".join(line[:width] for line in [header, *lines[:2]]) in tracked[1], "two columns more than a run has"
    assert lines[2].startswith("train ")
    assert lines[2][:width].endswith(" 5,406")
    text = prepare_text(folder.read_config())
    assert text.splits.val_n is not None
    Path("own.txt").write_bytes(text.corpus.vocabulary.to_bytes(text.splits.val_n))
    assert main(["evaluate", f"run={folder.path}", "text=own.txt", "checkpoint=best"]) == 0
    assert capsys.readouterr().out.splitlines() == [header, lines[0].replace("val ", "text")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["split=tset"], "split must be one of train, val, test, all, got 'tset'."),
        (["split=val", "text=a.txt"], "split must be left out beside text, got 'val': all of the file is scored."),
        (["text=none.txt"], "text must be an existing text file, got {cwd}/none.txt, which does not exist."),
        (["text=."], "text must be a text file, got the folder {cwd}."),
        (["text=a.txt"], "text must hold at least 2 characters, got 1 in a.txt."),
        (["text=new.txt"], "text must hold only symbols of the training text, got U+00E9 'latin small letter e with "
                           "acute', U+AC00 'hangul syllable ga'. Leave them out; sample and evaluate do so with "
                           "unknown=skip."),
        (["text=latin.txt"], "text latin.txt must be utf-8 text, got the bytes e9 at byte 3. "
                             "Save it in that encoding."),
        (["split=val", "checkpoint=first"], "checkpoint must be last or best, got 'first'."),
    ],
)  # fmt: skip
def test_an_evaluation_that_cannot_be_is_the_users_mistake(
    tracked: tuple[Path, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: str,
) -> None:
    copy_run(tracked, tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, content in {"a.txt": b"a", "new.txt": "caf\u00e9 \uac00".encode(), "latin.txt": b"caf\xe9"}.items():
        Path(name).write_bytes(content)
    assert main(["evaluate", *words]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"charrnn_exp: error: {expected.replace('{cwd}', str(Path.cwd()))}\n")


def test_a_run_without_a_test_text_says_which_parts_it_has(
    tracked: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_run(tracked, tmp_path)
    folder.config.write_text(folder.config.read_text().replace("test_fraction: 0.01", "test_fraction: null"))
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "split=test"]) == 2
    assert capsys.readouterr().err == (
        "charrnn_exp: error: split must be one of the run's splits (val, train by dataset.split=fraction), "
        "got 'test'.\n"
    )


def test_scores_that_a_stop_left_out_are_made_up_and_those_that_are_there_are_not_made_again(
    tracked: tuple[Path, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_run(tracked, tmp_path)
    monkeypatch.chdir(tmp_path)
    finished, rows = folder.read_summary(), folder.metrics.read_text().splitlines(keepends=True)
    assert "test_loss" in rows[-1]
    folder.metrics.write_text("".join(rows[:-1]))
    folder.write_summary(replace(finished, status="KILLED", scores={}, test_loss=None))
    config = change(folder.read_config(), "tracking", backend=Backend.none)
    job = Job.of(prepare_run(config), folder, name="again", began=time.time(), is_resumed=True)
    with pytest.raises(Interrupted) as caught:
        run_experiment(job, StopRequest(signal.SIGTERM), Terminal(), Workers(find_threads(), 1))
    assert caught.value.lines == [
        f"stopped after the last step, before its scores. Go on with: python -m charrnn_exp resume run={folder.path}"
    ]
    stopped = folder.read_summary()
    assert (stopped.status, list(given(stopped.scores)), stopped.test_loss) == ("KILLED", ["val"], None)
    # What stands in the rows is not scored again: a value that no scoring would give stays.
    marked = [row.replace(f'"val_accuracy": {given(finished.scores)["val"]["accuracy"]}', '"val_accuracy": 0.125')
              for row in rows]  # fmt: skip
    assert marked != rows
    folder.metrics.write_text("".join(marked[:-1]))
    assert main(["resume", "tracking.backend=none"]) == 0
    after = folder.read_summary()
    assert (after.status, given(after.scores)["test"]) == ("FINISHED", given(finished.scores)["test"])
    assert given(after.scores)["val"] == given(finished.scores)["val"] | {"accuracy": 0.125}
    assert folder.metrics.read_text().splitlines(keepends=True) == marked


def test_what_is_odd_about_a_text_is_a_tag(compose: Any, text_file: Path, tmp_path: Path) -> None:
    def describe_text(content: bytes) -> Mapping[str, str]:
        text_file.write_bytes(content)
        config = compose("dataset=file", f"dataset.path={text_file}")
        job = Job.of(prepare_run(config), RunFolder(tmp_path / "run"), name="odd", began=0.0)
        return describe_run(job, previous={}).tags

    assert "dataset.notes" not in describe_text(b"to be, or not to be\n" * 99)
    assert describe_text(b"\xef\xbb\xbf" + b"to be, or not to be\r\n" * 99)["dataset.notes"] == (
        "the text has 1 byte order marks (U+FEFF); they stay in it as symbols. dataset.encoding=utf-8-sig leaves out "
        "one at the start. "
        "the text has 99 carriage returns; they stay in it as symbols. dataset.newlines=lf makes line feeds of them."
    )


@pytest.mark.slow
@pytest.mark.parametrize(("first", "num_symbols"), [(0xAC00, 700), (0x4E00, 5_000)], ids=["Korean", "Chinese"])
def test_a_foreign_text_trains_and_samples(
    compose: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    first: int,
    num_symbols: int,
) -> None:
    """Hangul syllables, or 5,000 Chinese characters: each occurs, few are common, as in any text."""
    monkeypatch.chdir(tmp_path)
    drawn = np.random.default_rng(7).zipf(1.3, size=2 * num_symbols) % num_symbols
    symbols = [chr(first + i) for i in (*range(num_symbols), *drawn)]
    Path("text.txt").write_text(" ".join(symbols), encoding="utf-8")
    config = compose("dataset=file", "dataset.path=text.txt", "dataset.max_bytes=null", "training.max_steps=2")
    folder = RunFolder(tmp_path / "outputs" / "foreign" / "2026-01-02" / "03-04-05")
    job = Job.of(prepare_run(config), folder, name="foreign", began=time.time())
    summary = run_experiment(job, StopRequest(), Terminal(), Workers(find_threads(), 1))
    assert summary.status == "FINISHED"
    assert summary.val_loss == pytest.approx(math.log(num_symbols + 1), rel=0.2)
    capsys.readouterr()
    prompt = chr(first + 3) + " "
    with Path("sample.txt").open("w", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert main(["sample", f'sampling.prompt="{prompt}"', "sampling.length=9"]) == 0
    sample = Path("sample.txt").read_text(encoding="utf-8")
    assert sample.startswith(prompt)
    assert len(sample) == len(prompt) + 9 + 1
    assert set(sample) <= {*symbols, " ", "\n"}


def change(config: Config, group: str, **changes: Any) -> Config:
    return replace(config, **{group: replace(getattr(config, group), **changes)})


@pytest.mark.slow
def test_resume_of_a_finished_run_says_so_and_goes_on_longer_in_the_same_mlflow_run(
    tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any], tmp_path: Path, run: Command
) -> None:
    folder = Path(shutil.copytree(tracked[0], tmp_path / "copy"))
    out, _ = run(folder, "resume", "run=latest")
    assert "is finished: 18 steps of 18" in out
    out, err = run(folder, "resume", "run=latest", "training.epochs=3")
    assert re.fullmatch(r"charrnn_exp: warning: mlruns/mlflow\.db was moved or copied from .*\n", err)
    assert "resuming after step 18" in out
    (after,) = find_runs(folder)
    assert after.read_summary().step == 27
    assert after.read_summary().run_id == mlflow_run[1].info.run_id
    assert [step for step, _ in read_metrics(after.metrics)["train_loss"]] == list(range(1, 28))
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlruns/mlflow.db")
    history = client.get_metric_history(mlflow_run[1].info.run_id, "train_loss")
    assert [metric.step for metric in history] == [1, 10, 18, 20, 27], "18 was the last step of the first session"


@pytest.mark.slow
def test_resume_of_a_run_killed_before_mlflow_had_its_end_tells_mlflow(
    tracked: tuple[Path, str, str], mlflow_run: tuple[Any, Any], tmp_path: Path, run: Command
) -> None:
    folder = Path(shutil.copytree(tracked[0], tmp_path / "copy"))
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlruns/mlflow.db")
    run_id = mlflow_run[1].info.run_id
    (ended,) = find_runs(folder)
    # What a kill leaves between the summary and the status in MLflow.
    client.update_run(run_id, status="RUNNING")
    ended.write_tracking({**ended.read_tracking(), "complete": False})
    with ended.lock():  # the run's own process is still at it
        out, err = run(folder, "resume", "run=latest")
    assert "is finished: 18 steps of 18" in out
    assert (err, "sent" in out) == ("", False)
    out, err = run(folder, "resume", "run=latest")
    assert f"sent 0 metric values and the files to MLflow run {run_id}" in out
    assert re.fullmatch(r"charrnn_exp: note: mlruns/mlflow\.db was moved or copied from .*\n", err)
    assert client.get_run(run_id).info.status == "FINISHED"
    out, _ = run(folder, "resume", "run=latest")
    assert "sent" not in out
    ended.write_tracking({**ended.read_tracking(), "complete": False})
    (folder / "mlruns" / "mlflow.db").write_bytes(b"no database")
    out, err = run(folder, "resume", "run=latest")
    assert "is finished" in out
    assert len(err.splitlines()) == 1
    assert err.startswith("charrnn_exp: warning: tracking failed; `python -m charrnn_exp repair` sends what it misses")


@pytest.mark.slow
def test_tracking_none_does_not_import_mlflow_and_leaves_no_store(tmp_path: Path) -> None:
    script = (
        "import sys; from charrnn_exp.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert 'mlflow' not in sys.modules and code == 0, code"
    )
    words = [*SHORT, "tracking=none", "training.max_steps=2"]
    subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, check=True, capture_output=True, timeout=200)
    assert not (tmp_path / "mlruns").exists()
    assert find_runs(tmp_path)[0].read_summary().run_id is None


@pytest.mark.parametrize(
    ("signal_number", "code"),
    [
        pytest.param(signal.SIGINT, 130, marks=TIMED),
        pytest.param(signal.SIGTERM, 143, marks=TIMED),
        pytest.param(signal.SIGHUP, 129, marks=TIMED),
        pytest.param(signal.SIGPIPE, 141, marks=TIMED),
    ],
)
def test_a_signal_takes_a_checkpoint_and_resume_goes_on(
    tmp_path: Path, run: Command, program: Program, signal_number: int, code: int
) -> None:
    process = program.start(tmp_path, *SHORT, "tracking=none", "training.epochs=100000")
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and not any(tmp_path.glob("outputs/*/*/*/metrics.jsonl")):
        time.sleep(0.05)
    time.sleep(1)
    if signal_number == signal.SIGPIPE:
        process.stdout.close()  # its reader goes away
    else:
        process.send_signal(signal_number)
    began = time.monotonic()
    ended = process.finish()
    assert ended.returncode == code, ended.stderr
    assert time.monotonic() - began < 10
    assert "resume run=" in ended.stderr
    assert "bug" not in ended.stderr
    (folder,) = find_runs(tmp_path)
    summary = folder.read_summary()
    assert summary.status == "KILLED"
    stopped_at = summary.step
    out, _ = run(tmp_path, "resume", f"training.max_steps={stopped_at + 3}")
    assert f"resuming after step {stopped_at:,}" in out
    steps = [step for step, _ in read_metrics(folder.metrics)["train_loss"]]
    assert steps == list(range(1, stopped_at + 4))


@pytest.mark.slow
def test_a_signal_while_tensorflow_is_imported_ends_the_run_before_it_began(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "charrnn_exp", *SHORT, "tracking=none"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "outputs/" not in process.stdout.readline():  # which is said just before the import
        pass
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (143, "charrnn_exp: stopped before the run began.\n")
    assert not list(tmp_path.glob("outputs/**/config.yaml"))


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_fails_with_2_and_one_line_with_a_way_out_that_works(
    tmp_path: Path, run: Command
) -> None:
    _, err = run(tmp_path, *SHORT, "tracking=none", "optimizer.learning_rate=1e38", "optimizer.warmup_steps=0", code=2)
    assert err.startswith("charrnn_exp: error: the training diverged: loss ")
    assert err.count("\n") == 1
    (folder,) = find_runs(tmp_path)
    assert folder.read_summary().status == "FAILED"
    out, _ = run(tmp_path, *err.partition("python -m charrnn_exp ")[2].split(), "training.epochs=1")
    assert "going back to step 0" in out
    assert folder.read_summary().status == "FINISHED"
    assert given(folder.read_summary().val_loss) < math.log(81)


@pytest.mark.slow
def test_a_run_in_a_sweep_gives_the_numbers_it_gives_alone(tmp_path: Path, run: Command) -> None:
    # Several runs of a process have one number of threads, and one part.
    words = [*SHORT, "tracking=none", "training.max_steps=3", "model.dropout=0.3", "training.parts=1"]
    run(tmp_path, "-m", "hydra/launcher=basic", *words, "seed=1,2")
    run(tmp_path, *words, "seed=2", "name=alone")
    assert [folder.read_config().seed for folder in find_runs(tmp_path)] == [2, 1, 2]
    swept, alone = (
        RunFolder(next(tmp_path.glob(pattern)).parent)
        for pattern in ("outputs/charrnn/*/*/1/config.yaml", "outputs/alone/*/*/config.yaml")
    )
    assert read_metrics(swept.metrics)["train_loss"] == read_metrics(alone.metrics)["train_loss"]


@pytest.mark.slow
def test_a_run_starts_from_another_and_needs_it_no_more_once_it_has_a_checkpoint(tmp_path: Path, run: Command) -> None:
    words = [*SHORT, "tracking=none", "training.checkpoint_every_steps=1", "optimizer.warmup_steps=0"]
    run(tmp_path, *words, "training.max_steps=12", "training.profile_steps=1")
    (first,) = find_runs(tmp_path)
    assert len(list(first.profile.rglob("*.pb"))) == 1
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
    assert not second.profile.exists(), "a resumed run records none"
    shutil.rmtree(first.path)
    out, _ = run(tmp_path, "resume", f"run={second.path.relative_to(tmp_path)}", "training.max_steps=5")
    assert begin not in out
    assert second.read_summary().step == 5


@pytest.mark.slow
def test_a_run_that_another_process_works_on_is_left_alone(tracked: tuple[Path, str, str], run: Command) -> None:
    (folder,) = find_runs(tracked[0])
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file() and path.name != ".lock"}
    with folder.lock():
        out, err = run(tracked[0], "resume", "training.epochs=3", code=3)
    place = folder.path.relative_to(tracked[0])
    expected = f"run {place} is in use by process {os.getpid()}: wait for it or stop it."
    assert (out, err) == ("reading stdlib\n", f"charrnn_exp: error: {expected}\n")
    assert {path: path.read_bytes() for path in before} == before
