"""Processes that share a study begin no trial too many and lose none, whichever of them dies."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

import charrnn_exp
from charrnn_exp.sweeps.search import owners
from charrnn_exp.sweeps.search.owners import BEATS
from charrnn_exp.sweeps.search.study import open_storage
from charrnn_exp.sweeps.search.trials import Trials, find_folder

SPACE = {"x": FloatDistribution(0, 1)}
ASK = """
import sys, time, optuna
from optuna.distributions import FloatDistribution
from charrnn_exp.sweeps.search.study import open_storage
from charrnn_exp.sweeps.search.trials import Trials
study = optuna.load_study(study_name="s", storage=open_storage(sys.argv[1]))
trial = Trials(study, {"x": FloatDistribution(0, 1)}, 3).ask()
trial.set_user_attr("folder", "outputs/a/0")
print(trial.number, flush=True)
time.sleep(600)
"""


@pytest.fixture
def storage(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'a.db'}"
    optuna.create_study(study_name="s", storage=address)
    return address


def load(storage: str) -> optuna.Study:
    return optuna.load_study(study_name="s", storage=open_storage(storage))


@pytest.mark.slow
def test_processes_that_ask_at_once_end_with_the_number_of_trials(storage: str) -> None:
    """Threads with a study each; every third trial is given back, as after a signal."""

    def work(i: int) -> None:
        trials = Trials(load(storage), SPACE, 17)
        while (trial := trials.ask()) is not None:
            if "retry_of" not in trial.user_attrs and trial.number % 3 == i % 3:
                trials.repeat(trial)
            else:
                trials.complete(trial, [trial.params["x"]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    states = [trial.state for trial in load(storage).get_trials()]
    assert states.count(TrialState.COMPLETE) == 17
    assert {TrialState.RUNNING, TrialState.WAITING} & {*states} == set()


def test_a_transaction_in_sqlite_has_the_lock_on_writing_before_it_reads(storage: str) -> None:
    with open_storage(storage).engine.connect() as reading:
        reading.exec_driver_sql("select count(*) from trials")
        other = sqlite3.connect(storage.removeprefix("sqlite:///"), timeout=0)
        with contextlib.closing(other), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_a_repeated_trial_keeps_its_place_before_one_that_was_asked_for_at_that_moment(storage: str) -> None:
    trials, study = Trials(load(storage), SPACE, 2), load(storage)
    first, second = trials.ask(), trials.ask()
    assert first is not None
    assert second is not None
    late = study.ask(SPACE)  # by a process that saw the second place free
    trials.repeat(first)
    assert trials._count_before(late) == 2
    study.tell(late, state=TrialState.FAIL)
    again = trials.ask()
    assert again is not None
    assert (again.user_attrs["retry_of"], again.number) == (first.number, 3)
    assert trials.ask() is None


def test_the_trial_of_a_killed_process_is_repeated_with_its_values(storage: str) -> None:
    source = str(Path(charrnn_exp.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {source!r})\n{ASK}"]
    with subprocess.Popen([*command, storage], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        trials = Trials(load(storage), SPACE, 1)
        assert trials.ask() is None
        assert not trials.is_undecided()
        process.kill()
        process.wait()
    trial = trials.ask()
    assert trial is not None
    assert trial.user_attrs["retry_of"] == 0
    assert trial.user_attrs["folder"] == "outputs/a/0"
    assert trial.params == load(storage).get_trials()[0].params
    assert trials.ask() is None


def test_a_process_of_another_machine_is_dead_once_its_counter_stands_still(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "DEAD_SECONDS", 0.3)
    study, trials = load(storage), Trials(load(storage), SPACE, 1)
    study.ask(SPACE).set_user_attr("process", "elsewhere|1|2.0")
    for i in range(4):
        study.set_user_attr(f"{BEATS}elsewhere|1|2.0", i)
        assert trials.ask() is None
        assert trials.is_undecided() == (i == 0)
        time.sleep(0.15)
    time.sleep(0.3)
    assert trials.ask() is not None


def test_a_process_that_was_killed_before_it_wrote_its_name_is_dead_after_a_while(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "DEAD_SECONDS", 0.2)
    load(storage).ask()
    trials = Trials(load(storage), SPACE, 1)
    assert trials.ask() is None
    assert trials.is_undecided()
    time.sleep(0.3)
    trial = trials.ask()
    assert trial is not None
    assert "retry_of" not in trial.user_attrs  # it had no values to repeat


def test_a_trial_that_two_processes_take_over_is_repeated_once(storage: str) -> None:
    study = load(storage)
    assert study.ask(SPACE).number == 0
    trials = Trials(study, SPACE, 2)
    (dead,) = study.get_trials()
    for _ in range(2):
        trials.repeat(dead)
    first, second = trials.ask(), trials.ask()
    assert first is not None
    assert second is not None
    assert (first.params, first.user_attrs["retry_of"]) == (dead.params, 0)
    assert "retry_of" not in second.user_attrs
    assert trials.ask() is None


def test_a_trial_that_failed_by_itself_counts(storage: str) -> None:
    trials = Trials(load(storage), SPACE, 2)
    for _ in range(2):
        trial = trials.ask()
        assert trial is not None
        trials.fail(trial, "the training diverged", is_of_values=True)
    assert trials.ask() is None
    assert (trials.count().failed, trials.count().begun) == (2, 2)


def test_a_sampler_avoids_the_values_of_trials_that_diverged() -> None:
    """40 draws by TPE after 20 evenly spread ones, of which those above 0.5 diverged; by chance half lie above."""
    above = {}
    for is_of_values in (True, False):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
        trials = Trials(study, SPACE, 60)
        for i in range(60):
            if i < 20:
                study.enqueue_trial({"x": (i + 0.5) / 20})
            trial = trials.ask()
            assert trial is not None
            trial.report(0.1, 1)
            if trial.params["x"] > 0.5:
                trials.fail(trial, "the training diverged", is_of_values=is_of_values)
            else:
                trials.complete(trial, [0.5])
        assert trials.count().begun == 60
        assert trials.count().pruned == 0
        above[is_of_values] = sum(trial.params["x"] > 0.5 for trial in study.trials[20:])
        assert trials.count().failed == 10 + above[is_of_values]
    assert above[True] <= 8
    assert above[False] > above[True]


def test_the_run_of_a_trial_lies_below_outputs_whatever_the_database_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "outputs" / "a").mkdir(parents=True)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    study = optuna.create_study()
    found = {}
    for named in ("outputs/a", "outputs/../outputs/a", "outputs/gone", "../there", "outputs/../../there", "/tmp", ""):
        trial = study.ask()
        trial.set_user_attr("folder", named)
        folder = find_folder(trial)
        found[named] = folder and str(folder.path)
    assert [named for named, path in found.items() if path] == ["outputs/a", "outputs/../outputs/a"]
    assert set(found.values()) == {"outputs/a", None}


def test_a_result_of_a_trial_that_another_process_took_over_is_dropped(storage: str) -> None:
    study = load(storage)
    trials = Trials(study, SPACE, 1)
    trial = trials.ask()
    assert trial is not None
    trials.repeat(study.get_trials()[0])
    assert not trials.report(trial, 7, 0.5)
    trials.keep_folder(trial, "outputs/a/0")
    trials.complete(trial, [0.5])
    trials.prune(trial)
    trials.fail(trial, "too late", is_of_values=False)
    assert [each.state for each in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]
