"""The pictures of a study, Optuna's own: history, importance, a slice for each setting, the Pareto front."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from charrnn_exp.config.search import Search
from charrnn_exp.views.figures import DARK, LIGHT, draw_png

LEAST_IMPORTANCE = 4
"""Complete trials, from which importances are computed."""
MAX_SLICES = 12
MAX_OBJECTIVES = 3
"""Of a front that can be drawn; and of those that have pictures of their own."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture for a light and a dark page.

    Args:
        name: of its file, without ending.
        title: in words.
        light: PNG.
        dark: PNG.
    """

    name: str
    title: str
    light: bytes
    dark: bytes


def draw_study(study: optuna.Study, search: Search) -> Iterator[Picture]:
    """Yield the pictures of a study that has a complete trial; those that Optuna cannot draw are left out.

    Args:
        study: of the search.
        search: its space and objectives.
    """
    with warnings.catch_warnings(action="ignore"):  # matplotlib's are called experimental
        from optuna.visualization import matplotlib as plots

    num_done = len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))
    objectives = search.config.objectives[:MAX_OBJECTIVES]
    if 1 < len(search.config.objectives) <= MAX_OBJECTIVES and num_done > 1:
        yield from _draw("front", "Pareto front", partial(plots.plot_pareto_front, study, target_names=objectives))
    keys = [each.key for each in search.space][: MAX_SLICES // len(objectives)]
    for i, objective in enumerate(objectives):
        of = {"target": find_target(search, i), "target_name": objective}
        yield from _draw(
            f"history_{objective}", f"{objective} by trial", partial(plots.plot_optimization_history, study, **of)
        )
        if num_done >= LEAST_IMPORTANCE and len(search.space) > 1:
            title = f"importance of settings for {objective}"
            cost = {"target": find_cost(search, i), "target_name": objective}
            yield from _draw(f"importance_{objective}", title, partial(plots.plot_param_importances, study, **cost))
        for place, key in enumerate(keys):
            title = f"{objective} by {key}"
            yield from _draw(f"slice_{objective}_{place}", title, partial(plots.plot_slice, study, params=[key], **of))


def find_target(search: Search, objective: int) -> Callable[[FrozenTrial], float] | None:
    """Return a function that reads an objective from a trial; None: there is only one, which Optuna reads itself."""
    if len(search.config.objectives) == 1:
        return None
    return lambda trial: float(trial.values[objective])


def find_cost(search: Search, objective: int) -> Callable[[FrozenTrial], float] | None:
    """Return a function that reads an objective from a trial, negated if it is maximized; None: there is only one.

    Optuna's importances take low values of such a function for good ones.
    """
    if len(search.config.objectives) == 1:
        return None
    sign = -1 if search.config.list_directions()[objective] == "maximize" else 1
    return lambda trial: sign * float(trial.values[objective])


def _draw(name: str, title: str, draw: Callable[[], Any]) -> Iterator[Picture]:
    # Errors are of trials that are all alike.
    with suppress(ValueError, RuntimeError, ZeroDivisionError):
        light, dark = (draw_png(draw, palette, title=title) for palette in (LIGHT, DARK))
        yield Picture(name=name, title=title, light=light, dark=dark)
