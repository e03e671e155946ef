"""A draw depends on the seed, the trial's number and the trials before it, and on nothing else."""

import math
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest

from charrnn_exp.config.compose import compose_all
from charrnn_exp.config.search import Search
from charrnn_exp.sweeps.search.distributions import list_distributions
from charrnn_exp.sweeps.search.sampler import RETRY, build_sampler

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


@pytest.mark.parametrize(
    "sampler", ["tpe", *(pytest.param(name, marks=pytest.mark.slow) for name in ("random", "nsgaii", "cmaes"))]
)
def test_a_study_in_three_sessions_has_the_trials_of_one_session(tmp_path: Path, sampler: str) -> None:
    search = make_search(*SPACE, f"hydra.sweeper.sampler={sampler}")
    whole, parts = (f"sqlite:///{tmp_path / name}.db" for name in ("whole", "parts"))
    draw(search, whole, 13)
    for num_trials in (1, 5, 7):
        draw(search, parts, num_trials)
    drawn = list_params(whole)
    assert drawn == list_params(parts)
    assert len({params["optimizer.learning_rate"] for params in drawn}) == 13


def test_a_pickle_in_the_database_is_never_loaded(tmp_path: Path) -> None:
    """Optuna's own CMA-ES keeps its state as a pickle beside a trial, and loads what it finds there."""
    canary = tmp_path / "loaded"
    numbers = SPACE[:2]
    search = make_search(*numbers, "hydra.sweeper.sampler=cmaes")
    own = build_sampler(search.config, search.space)
    for sampler, is_loaded in ((own, False), (optuna.samplers.CmaEsSampler(), True)):
        study = optuna.create_study(sampler=sampler)
        trial = study.ask(dict(list_distributions(search.space)))
        study.tell(trial, 0.5)
        planted = optuna.trial.create_trial(
            value=0.25,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={"cma:optimizer:0": pickle.dumps(Bait(canary)).hex(), "cma:generation": 0},
        )
        study.add_trial(planted)
        with suppress(AttributeError):  # the bait is no optimizer
            study.ask(dict(list_distributions(search.space)))
        assert canary.exists() == is_loaded


class Bait:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_cmaes_draws_closer_and_closer_to_the_best_though_every_fifth_trial_is_pruned(direction: str) -> None:
    """Mean distance of 20 trials from the best values, each setting scaled to 1: evenly drawn ones have 0.5."""
    search = make_search(SPACE[0], "model.dropout=interval(0,0.9)", "hydra.sweeper.sampler=cmaes")
    study = optuna.create_study(sampler=build_sampler(search.config, search.space), direction=direction)
    distances = []
    for i in range(80):
        trial = study.ask(dict(list_distributions(search.space)))
        rate, dropout = math.log10(trial.params["optimizer.learning_rate"]) / 2, trial.params["model.dropout"]
        distances.append(math.dist((rate, dropout / 0.9), (-1.3, 0.8)))
        if i % 5 == 4:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, distances[-1] if direction == "minimize" else -distances[-1])
    assert sum(distances[:20]) / 20 > 0.2
    assert sum(distances[-20:]) / 20 < 0.1


def test_whole_numbers_and_lists_are_drawn_beside_cmaes_too() -> None:
    search = make_search(*SPACE, "hydra.sweeper.sampler=cmaes")
    study = optuna.create_study(sampler=build_sampler(search.config, search.space))
    for _ in range(30):
        trial = study.ask(dict(list_distributions(search.space)))
        study.tell(trial, float(trial.params["seed"]))
    seeds = [trial.params["seed"] for trial in study.trials]
    assert all(type(seed) is int and 1 <= seed <= 98 for seed in seeds)
    assert sum(seeds[-10:]) < sum(seeds[:10])
    assert {trial.params["model.hidden_size"] for trial in study.trials} == {"5", "7"}


@pytest.mark.slow
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
