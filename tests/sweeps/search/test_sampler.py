"""A draw depends on the seed, the trial's number and the trials before it, and on nothing else."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from charrnn_exp.config.compose import compose_all
from charrnn_exp.config.search import Search
from charrnn_exp.sweeps.search.sampler import RETRY, build_sampler
from charrnn_exp.sweeps.search.study import list_distributions

SPACE = ["optimizer.learning_rate=tag(log,interval(1e-4,1e-2))", "seed=range(1,99)", "model.hidden_size=5,7"]


def make_search(*words: str) -> Search:
    search = compose_all(["hydra/sweeper=optuna", *words], multirun=True)[0].search
    assert search is not None
    return search


def draw(search: Search, storage: str, num_trials: int) -> None:
    """Draw trials as a process of its own would, each with a loss."""
    sampler = build_sampler(search.config, search.space)
    study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
    for _ in range(num_trials):
        trial = study.ask(dict(list_distributions(search.space)))
        study.tell(trial, float(trial.params["seed"]))


def list_params(storage: str) -> list[dict[str, Any]]:
    return [trial.params for trial in optuna.load_study(study_name="s", storage=storage).get_trials()]


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii", "cmaes"])
def test_a_study_in_three_sessions_has_the_trials_of_one_session(tmp_path: Path, sampler: str) -> None:
    search = make_search(*SPACE, f"hydra.sweeper.sampler={sampler}")
    whole, parts = (f"sqlite:///{tmp_path / name}.db" for name in ("whole", "parts"))
    draw(search, whole, 13)
    for num_trials in (1, 5, 7):
        draw(search, parts, num_trials)
    drawn = list_params(whole)
    assert drawn == list_params(parts)
    assert len({params["optimizer.learning_rate"] for params in drawn}) == 13


def test_another_seed_draws_others(tmp_path: Path) -> None:
    first, second = (f"sqlite:///{tmp_path / name}.db" for name in ("first", "second"))
    draw(make_search(*SPACE, "hydra.sweeper.seed=1"), first, 2)
    draw(make_search(*SPACE, "hydra.sweeper.seed=2"), second, 2)
    assert list_params(first) != list_params(second)


def test_a_grid_gives_each_combination_to_one_trial_though_one_is_repeated() -> None:
    search = make_search("model.hidden_size=5,7", "seed=range(1,4)", "hydra.sweeper.sampler=grid")
    study = optuna.create_study(sampler=build_sampler(search.config, search.space))
    for i in range(7):
        trial = study.ask(dict(list_distributions(search.space)))
        if i == 2:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params, user_attrs={RETRY: trial.number})
        else:
            study.tell(trial, 0.0)
    done = [trial.params for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])]
    expected = [(size, seed) for size in ("5", "7") for seed in (1, 2, 3)]
    assert sorted((params["model.hidden_size"], params["seed"]) for params in done) == expected
