"""Samplers whose draws are a function of seed, trial and the trials before it, so that a study may go on anywhere."""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from charrnn_exp.config.search import Sampler as Kind
from charrnn_exp.config.search import SearchConfig
from charrnn_exp.config.space import Choice, Parameter

RETRY, SURPLUS = "retry_of", "surplus"
"""Attributes of trials: the number of the one that a trial repeats; that there were enough without it."""


def build_sampler(config: SearchConfig, space: Sequence[Parameter]) -> BaseSampler:
    """Return the sampler of the settings."""
    samplers = optuna.samplers
    match config.sampler:
        case Kind.tpe:
            return SeededSampler(lambda seed: samplers.TPESampler(seed=seed, constant_liar=True), config.seed)
        case Kind.cmaes:
            from charrnn_exp.sweeps.search.evolution import Evolution  # cmaes may not be installed

            return SeededSampler(lambda seed: Evolution(space, seed), config.seed)
        case Kind.random:
            return SeededSampler(lambda seed: samplers.RandomSampler(seed=seed), config.seed)
        case Kind.nsgaii:
            return SeededSampler(lambda seed: samplers.NSGAIISampler(seed=seed), config.seed)
        case Kind.grid:
            return Grid(space)
    raise AssertionError(config.sampler)


class SeededSampler(BaseSampler):
    """Draws each trial by a sampler of its own, seeded by the seed and the trial's number.

    A sampler that lived as long as its process would repeat its first draws after each start, and two processes on
    one study would draw the same. What a sampler must know of the trials before stands in the study.

    Args:
        build: returns the sampler of a seed.
        seed: of the search; None: drawn anew for each trial.
    """

    def __init__(self, build: Callable[[int | None], BaseSampler], seed: int | None) -> None:
        self._build, self._seed = build, seed
        self._sampler = build(seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Seed the sampler of the trial."""
        self._sampler = self._build(None if self._seed is None else mix(self._seed, trial.number))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the settings that are drawn together."""
        space: dict[str, BaseDistribution] = self._sampler.infer_relative_search_space(study, trial)
        return space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the settings that are drawn together."""
        values: dict[str, Any] = self._sampler.sample_relative(study, trial, search_space)
        return values

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a setting that is drawn alone."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)


class Grid(BaseSampler):
    """Gives each combination of the values to one trial: the first trial the first, and so on.

    Optuna's own grid takes a trial that was begun for one that is done. Here a repeated trial has the values of the
    first, and is not counted.

    Args:
        space: lists and ranges.
    """

    def __init__(self, space: Sequence[Parameter]) -> None:
        self._keys = [each.key for each in space]
        self._values = [_list_values(each) for each in space]

    def find_cell(self, study: optuna.Study, number: int) -> Mapping[str, Any]:
        """Return the values of a trial that repeats none."""
        trials = study.get_trials(deepcopy=False)
        rank = sum(not {RETRY, SURPLUS} & set(each.user_attrs) for each in trials if each.number < number)
        cells = itertools.islice(itertools.cycle(itertools.product(*self._values)), rank, None)
        return dict(zip(self._keys, next(cells), strict=True))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: see `sample_independent`."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: see `sample_independent`."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the setting's value in the trial's combination."""
        return self.find_cell(study, trial.number)[param_name]


def mix(seed: int, number: int) -> int:
    """Return a seed below 2**32 for a trial.

    >>> mix(1, 2) != mix(2, 1)
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big")


def _list_values(parameter: Parameter) -> list[Any]:
    if isinstance(parameter, Choice):
        return list(parameter.values)
    step, low = parameter.step, parameter.low
    assert step is not None, "the settings are checked"
    return [min(low + i * step, parameter.high) for i in range(parameter.count_values())]
