"""A search with Optuna: real processes, kills, SQLite and PostgreSQL."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from stress.postgresql import control_server, find_programs, serve_database
from stress.processes import find_alive
from tests.slow import programs
from tests.slow.programs import SMALL, TEXT, end

pytestmark = pytest.mark.slow
SEARCH = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.study_name=study"]
PASSWORD = "open-sesame-7421"


def start(place: Path, *words: str, password: str | None = None) -> "subprocess.Popen[str]":
    """Start a run or a search of the small model."""
    return programs.start(place, *SMALL, *words, environment={"PGPASSWORD": password} if password else {})


def kill_in_a_trial(place: Path, process: "subprocess.Popen[str]", *, num_runs: int) -> str:
    """Kill a search with SIGKILL once a number of runs below its own folder have a checkpoint; return its output."""
    assert process.stdout is not None
    lines = [process.stdout.readline(), process.stdout.readline()]
    folder = lines[1].split()[-1]
    for _ in range(1200):
        if len({path.parts[-3] for path in place.glob(f"{folder}/*/checkpoints/step_*")}) >= num_runs:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"{num_runs} runs made no checkpoint in {folder}")
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    out, _ = process.communicate(timeout=60)
    assert find_alive(family, 10) == []
    return "".join(lines) + out


def list_trials(address: str) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(address)
    trials: list[optuna.trial.FrozenTrial] = optuna.load_study(study_name="study", storage=storage).get_trials()
    storage.remove_session()
    storage.engine.dispose()
    return trials


def count(trials: list[optuna.trial.FrozenTrial], *states: Any) -> int:
    return sum(trial.state in states for trial in trials)


@dataclass
class Ended:
    """A search that was killed and started again.

    Args:
        place: folder of both.
        out: of the second one.
        trials: of the study.
    """

    place: Path
    out: str
    trials: list[optuna.trial.FrozenTrial]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Three trials of a good rate, then one of a rate that learns nothing; killed in the first."""
    place = tmp_path_factory.mktemp("search")
    (place / "text.txt").write_bytes(TEXT.read_bytes())
    words = [
        *SEARCH, "training.max_steps=400", "training.validate_every_steps=50", "training.checkpoint_every_steps=50",
        "optimizer.learning_rate=0.02,1e-9", "seed=range(1,4)", "hydra.sweeper.sampler=grid", "sweep.jobs=1",
        "hydra.sweeper.n_trials=4", "hydra.sweeper.pruner=median", "hydra.sweeper.pruner_startup_trials=3",
    ]  # fmt: skip
    kill_in_a_trial(place, start(place, *words), num_runs=1)
    code, out, err = end(start(place, *words))
    assert (code, err) == (0, "")
    return Ended(place, out, list_trials(f"sqlite:///{place}/outputs/charrnn/optuna.db"))


def test_a_search_that_was_killed_goes_on_to_the_number_of_trials_in_all(ended: Ended) -> None:
    assert count(ended.trials, TrialState.COMPLETE, TrialState.PRUNED) == 4
    assert count(ended.trials, TrialState.RUNNING, TrialState.WAITING) == 0
    found = {(trial.params["optimizer.learning_rate"], trial.params["seed"]) for trial in ended.trials}
    assert found == {("0.02", 1), ("0.02", 2), ("0.02", 3), ("1e-09", 1)}


def test_the_run_of_a_trial_that_was_killed_goes_on(ended: Ended) -> None:
    (lost,) = [trial for trial in ended.trials if trial.state is TrialState.FAIL]
    (again,) = [trial for trial in ended.trials if "retry_of" in trial.user_attrs]
    assert (again.state, again.user_attrs["retry_of"], again.params) == (TrialState.COMPLETE, lost.number, lost.params)
    assert again.user_attrs["folder"] == lost.user_attrs["folder"]
    assert "resuming after step" in (ended.place / again.user_attrs["folder"] / "run.log").read_text()
    assert set(lost.intermediate_values) <= set(again.intermediate_values)


def test_a_bad_trial_is_stopped_early_with_a_checkpoint(ended: Ended) -> None:
    (pruned,) = [trial for trial in ended.trials if trial.state is TrialState.PRUNED]
    assert pruned.params["optimizer.learning_rate"] == "1e-09"
    assert pruned.last_step is not None
    assert pruned.last_step < 400
    folder = ended.place / pruned.user_attrs["folder"]
    assert list((folder / "checkpoints").glob("step_*"))
    assert '"status": "KILLED"' in (folder / "summary.json").read_text()
    assert f"pruned after {read_step(folder):,} updates" in ended.out


def read_step(folder: Path) -> int:
    found = re.search(r'"step": (\d+)', (folder / "summary.json").read_text())
    assert found is not None
    return int(found[1])


def test_the_command_at_the_end_trains_the_best_trial_again(ended: Ended) -> None:
    line = next(line for line in ended.out.splitlines() if line.startswith("train it again:"))
    best = min((trial for trial in ended.trials if trial.state is TrialState.COMPLETE), key=lambda trial: trial.value)
    words = [*line.partition("charrnn_exp ")[2].split(), "name=again"]
    code, _, err = end(start(ended.place, *words))
    assert (code, err) == (0, "")
    (summary,) = ended.place.glob("outputs/again/*/*/summary.json")
    assert f'"val_loss": {best.value!r}' in summary.read_text()


@pytest.fixture
def database() -> Iterator[str]:
    """A PostgreSQL server of its own, with a password; the address of a database without it."""
    if not find_programs():
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with serve_database(PASSWORD) as address:
        yield address


def test_two_processes_on_postgresql_share_the_trials_though_one_is_killed(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    words = [
        *SEARCH, f"hydra.sweeper.storage={database}", "hydra.sweeper.n_trials=8", "sweep.jobs=1",
        "training.max_steps=40", "training.checkpoint_every_steps=10", "optimizer.learning_rate=interval(1e-3,1e-2)",
    ]  # fmt: skip
    first, second = (start(tmp_path, *words, f"name={name}", password=PASSWORD) for name in ("first", "second"))
    outputs = [kill_in_a_trial(tmp_path, first, num_runs=1)]
    again = start(tmp_path, *words, "name=first", password=PASSWORD)
    for process in (second, again):
        code, out, err = end(process)
        assert (code, err) == (0, "")
        outputs.append(out)
    trials = list_trials(database.replace("postgresql:", "postgresql+psycopg:"))
    assert count(trials, TrialState.COMPLETE) == 8
    assert count(trials, TrialState.RUNNING, TrialState.WAITING) == 0
    assert len({trial.user_attrs["folder"].split("/")[1] for trial in trials if "folder" in trial.user_attrs}) == 2
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in content for content in [*written, *(out.encode() for out in outputs)])


def test_an_outage_of_the_database_is_one_line_and_the_same_command_goes_on(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    words = [
        *SEARCH, f"hydra.sweeper.storage={database}", "hydra.sweeper.n_trials=2", "sweep.jobs=1", "seed=range(1,9)",
        "training.max_steps=400", "training.checkpoint_every_steps=10", "training.validate_every_steps=10",
    ]  # fmt: skip
    process = start(tmp_path, *words, password=PASSWORD)
    for _ in range(600):
        if list(tmp_path.glob("outputs/*/*/*/*/checkpoints/step_*")):
            break
        time.sleep(0.1)
    control_server(database, "stop", "-m", "immediate")
    code, _, err = end(process)
    assert code == 3
    (line,) = err.splitlines()
    assert "hydra.sweeper.storage must be a database that answers" in line
    assert "The same command goes on with the study." in line
    control_server(database, "restart")
    code, _, err = end(start(tmp_path, *words, password=PASSWORD))
    assert (code, err) == (0, "")
    trials = list_trials(database.replace("postgresql:", "postgresql+psycopg:"))
    assert [trial.state for trial in trials] == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert trials[1].user_attrs["folder"] == trials[0].user_attrs["folder"]
    assert "resuming after step" in (tmp_path / trials[1].user_attrs["folder"] / "run.log").read_text()


def test_cmaes_and_hyperband_train_and_a_rate_that_diverges_is_no_failure_of_the_search(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    words = [
        *SEARCH, "hydra.sweeper.sampler=cmaes", "hydra.sweeper.pruner=hyperband", "hydra.sweeper.n_trials=8",
        "training.max_steps=180", "training.validate_every_steps=20", "optimizer.learning_rate=0.01,1e38",
        "model.dropout=interval(0,0.9)", "tracking=local",
    ]  # fmt: skip
    code, out, err = end(start(tmp_path, *words))
    assert (code, err) == (0, "")
    trials = list_trials(f"sqlite:///{tmp_path}/outputs/charrnn/optuna.db")
    assert len(trials) == 8
    diverged = [trial for trial in trials if "the training diverged" in trial.user_attrs.get("reason", "")]
    assert 1 <= len(diverged) < 8
    assert {float(trial.params["optimizer.learning_rate"]) for trial in diverged} == {1e38}
    assert count(diverged, TrialState.PRUNED) == len(diverged)
    assert f"{len(diverged)} failed" in out
    page = next(tmp_path.glob("outputs/*/*/*/comparison.html"))
    assert f"its page:          {page.relative_to(tmp_path)}" in out
    assert page.stat().st_size < 2_000_000
    found = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    (run,) = found.search_runs(["1"], "tags.sweep_run = 'search study'")
    stored = {each.path for each in found.list_artifacts(run.info.run_id)}
    assert {"comparison.html", "sweep.json", "history_val_loss.png", "slice_val_loss_0.png"} <= stored
    assert len(found.search_runs(["1"], "tags.study = 'study'")) == 8


def test_a_signal_gives_the_trials_back(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    endless = ["training.epochs=100000", "training.validate_every_steps=100000", "training.checkpoint_every_steps=5"]
    process = start(tmp_path, *SEARCH, *endless, "seed=range(1,9)", "sweep.jobs=1")
    for _ in range(600):
        if list(tmp_path.glob("outputs/*/*/*/*/checkpoints/step_*")):
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, _, err = end(process)
    assert code == 128 + signal.SIGTERM
    assert "Go on with the same command again" in err
    trials = list_trials(f"sqlite:///{tmp_path}/outputs/charrnn/optuna.db")
    assert [trial.state for trial in trials] == [TrialState.FAIL, TrialState.WAITING]
    assert trials[1].user_attrs["folder"] == trials[0].user_attrs["folder"]


def test_trials_of_the_same_values_that_were_killed_at_once_go_on_in_a_folder_each(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(TEXT.read_bytes())
    words = [
        *SEARCH, "training.max_steps=300", "training.validate_every_steps=50", "training.checkpoint_every_steps=25",
        "seed=range(1,2)", "hydra.sweeper.sampler=random", "sweep.jobs=2", "hydra.sweeper.n_trials=2",
    ]  # fmt: skip
    kill_in_a_trial(tmp_path, start(tmp_path, *words), num_runs=2)
    code, out, err = end(start(tmp_path, *words))
    assert (code, err) == (0, ""), out
    trials = list_trials(f"sqlite:///{tmp_path}/outputs/charrnn/optuna.db")
    again = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    assert len(again) == 2
    assert len({trial.user_attrs["folder"] for trial in again}) == 2
    assert {trial.values[0] for trial in again} == {again[0].values[0]}
