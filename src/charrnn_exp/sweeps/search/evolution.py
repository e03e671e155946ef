"""CMA-ES that keeps nothing: its state is found again from the trials that have ended, in their order.

Optuna's own sampler pickles the state into the study's database and loads it from there, so that whoever writes the
database could run code in each process that reads it. Legend: d settings that are numbers.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from cmaes import CMA
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from charrnn_exp.config.space import Numbers, Parameter
from charrnn_exp.sweeps.search.distributions import list_distributions

START, WIDTH = 0.5, 1 / 6
"""Mean and standard deviation of the first generation, for each setting scaled to [0, 1]: as in Optuna's sampler."""
RESAMPLINGS = 10
"""Draws a setting, after which a point outside the bounds is moved to them."""


class Evolution(BaseSampler):
    """Draws numbers by CMA-ES, and values of lists evenly.

    A generation is told as many trials as it has members, in the order of their numbers. Trials that were pruned or
    diverged are its last: CMA-ES looks at ranks alone.

    Args:
        space: of the search.
        seed: of the trial that is drawn; None: drawn anew.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial (2016), as in the library `cmaes`.
    """

    def __init__(self, space: Sequence[Parameter], seed: int | None) -> None:
        self._numbers = [each for each in space if isinstance(each, Numbers) and each.low < each.high]
        self._distributions = list_distributions(self._numbers)
        self._seed, self._random = seed, RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the numbers."""
        return dict(self._distributions)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the numbers, after all generations of the trials that have ended."""
        if not self._numbers:
            return {}
        strategy = CMA(
            mean=np.full(len(self._numbers), START),
            sigma=WIDTH,
            bounds=np.tile([0.0, 1.0], (len(self._numbers), 1)),
            n_max_resampling=RESAMPLINGS * len(self._numbers),
            seed=0,
        )
        ended = [each for each in study.get_trials(deepcopy=False) if self._is_told(each)]
        size = strategy.population_size
        for i in range(0, len(ended) - size + 1, size):
            ranked = sorted(ended[i : i + size], key=lambda each: _rank(each, study.direction))
            strategy.tell([(self._scale(each), float(place)) for place, each in enumerate(ranked)])
        strategy.reseed_rng(self._seed)
        return {each.key: find_number(each, share) for each, share in zip(self._numbers, strategy.ask(), strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a value of a list, each as likely as the others."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _is_told(self, trial: FrozenTrial) -> bool:
        has_ended = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        return has_ended and all(each.key in trial.params for each in self._numbers)

    def _scale(self, trial: FrozenTrial) -> np.ndarray:
        """Return the numbers of a trial, [d], each from 0 to 1."""
        return np.array([find_share(each, trial.params[each.key]) for each in self._numbers])


def find_share(numbers: Numbers, value: float) -> float:
    """Return where a number lies between the least and the largest, from 0 to 1.

    >>> find_share(Numbers("seed", "seed", "range(1,5)", 1, 4, 1, False), 4)
    0.875
    """
    low, high = _find_bounds(numbers)
    return (_bend(numbers, value) - low) / (high - low)


def find_number(numbers: Numbers, share: float) -> float:
    """Return the number at a share; the nearest one that may be chosen.

    >>> find_number(Numbers("seed", "seed", "range(1,5)", 1, 4, 1, False), 0.99)
    4
    """
    low, high = _find_bounds(numbers)
    value = low + share * (high - low)
    value = math.exp(value) if numbers.is_log else value
    if numbers.step is not None:
        value = numbers.low + round((value - numbers.low) / numbers.step) * numbers.step
    value = min(max(value, numbers.low), numbers.high)
    return int(value) if numbers.is_whole else float(value)


def _find_bounds(numbers: Numbers) -> tuple[float, float]:
    """Return the ends of the scale: with a step, half of it beyond the numbers, so that each has as much room."""
    half = (numbers.step or 0.0) / 2
    return _bend(numbers, numbers.low - half), _bend(numbers, numbers.high + half)


def _bend(numbers: Numbers, value: float) -> float:
    return math.log(value) if numbers.is_log else value


def _rank(trial: FrozenTrial, direction: StudyDirection) -> tuple[bool, float]:
    """Return what sorts trials, the best first; among those that were stopped, the one that went furthest."""
    if trial.state is TrialState.PRUNED or trial.value is None:
        return True, -float(trial.last_step or 0)
    return False, -trial.value if direction is StudyDirection.MAXIMIZE else trial.value
