"""Processes that share a study begin no trial too many and lose none, whichever of them dies."""

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
from charrnn_exp.sweeps.search.trials import Trials

SPACE = {"x": FloatDistribution(0, 1)}
ASK = """
import sys, time, optuna
from optuna.distributions import FloatDistribution
from charrnn_exp.sweeps.search.trials import Trials
study = optuna.load_study(study_name="s", storage=sys.argv[1])
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
    return optuna.load_study(study_name="s", storage=storage)


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
    assert TrialState.RUNNING not in states


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
        trials.fail(trial, "the training diverged")
    assert trials.ask() is None
    assert (trials.count().failed, trials.count().begun) == (2, 2)


def test_a_result_of_a_trial_that_another_process_took_over_is_dropped(storage: str) -> None:
    study = load(storage)
    trials = Trials(study, SPACE, 1)
    trial = trials.ask()
    assert trial is not None
    trials.repeat(study.get_trials()[0])
    trials.complete(trial, [0.5])
    trials.prune(trial)
    trials.fail(trial, "too late")
    assert [each.state for each in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]
