"""The settings of a search with Optuna: conf/hydra/sweeper/optuna.yaml, typed and checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from importlib.util import find_spec
from typing import Any

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.databases import find_database_problem
from charrnn_exp.config.overrides import find_bad_overrides, parse_override, suggest
from charrnn_exp.config.reading import flatten, read_section
from charrnn_exp.config.space import Choice, Numbers, Parameter, read_space
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError

OPTION = "optuna"
"""Of the group hydra/sweeper."""
PREFIX = "hydra.sweeper."
OBJECTIVES = {
    "val_loss": "minimize",
    "best_val_loss": "minimize",
    "bits_per_char": "minimize",
    "train_loss": "minimize",
    "seconds": "minimize",
    "num_parameters": "minimize",
    "chars_per_second": "maximize",
}
"""Figures of `summary.json` that a search may ask for, with their usual direction; not of the test text."""
DIRECTIONS = ("minimize", "maximize")
MAX_STUDY_NAME = 250
MAX_GRID = 100_000


class Sampler(Enum):
    """The rule that chooses the values of the next trial."""

    tpe = "tpe"
    cmaes = "cmaes"
    random = "random"
    grid = "grid"
    nsgaii = "nsgaii"


class Pruner(Enum):
    """The rule that stops a trial by its validation losses."""

    none = "none"
    median = "median"
    hyperband = "hyperband"


@dataclass(kw_only=True, slots=True)
class SearchConfig:
    """A search of settings."""

    n_trials: int
    """Trials in all, at least 1: a study that goes on goes to that number."""
    sampler: Sampler
    """tpe, cmaes, random, grid or nsgaii."""
    seed: int | None
    """Seed of the sampler, 0 to 2**32 - 1; null: drawn anew."""
    storage: str | None
    """SQLite file or PostgreSQL database, as an address without password; null: outputs/NAME/optuna.db."""
    study_name: str | None
    """Name of the study in the storage; null: made from the settings."""
    objectives: list[str]
    """Figures of summary.json; several give a Pareto front."""
    directions: list[str] | None
    """minimize or maximize for each objective; null: as is usual for it."""
    pruner: Pruner
    """none, median or hyperband."""
    pruner_startup_trials: int
    """Complete trials before which the median pruner stops none, at least 0."""
    pruner_warmup_steps: int
    """Updates before which the median pruner stops no trial, at least 0."""
    params: dict[str, Any]
    """Further settings to search, with values in the form of Hydra's sweeps."""

    def list_directions(self) -> list[str]:
        """Return the direction of each objective."""
        return self.directions or [OBJECTIVES[each] for each in self.objectives]


@dataclass(frozen=True)
class Search:
    """A search of settings, checked.

    Args:
        config: its own settings.
        space: the settings that it chooses.
        fixed: the words of the others.
    """

    config: SearchConfig
    space: Sequence[Parameter]
    fixed: Sequence[str]


def list_plain_words(words: Sequence[str]) -> list[str]:
    """Return the words with one value that Hydra can compose whichever sweeper is chosen."""
    known = set(_list_known())
    own = [word for word in words if word.lstrip("+").startswith(PREFIX)]
    unknown = {word for word in own if _find_name(word) not in known}
    return [word for word in words if word not in unknown and not parse_override(word).is_sweep_override()]


def require_optuna() -> None:
    """Raise UserError if Optuna is not installed."""
    if find_spec("optuna") is None:
        raise UserError('hydra/sweeper=optuna needs Optuna: python -m pip install "charrnn_exp[optuna]"')


def read_search(values: Mapping[str, Any], words: Sequence[str]) -> Search:
    """Return the search of the plain values below `hydra.sweeper` and the words of the command; conf/ is open.

    Raises:
        UserError: with a line for each unknown, missing, ill-typed or wrong one; or if Optuna is not installed.
    """
    require_optuna()
    own = [word for word in words if word.lstrip("+").startswith(PREFIX)]
    others = [word for word in words if word not in own and not word.startswith("hydra/sweeper=")]
    problems = list(_find_unknown([name for name in map(_find_name, own) if name not in values]))
    problems += [
        f"{PREFIX}{_find_name(word)} must be one value, got {word.partition('=')[2]}. Trials do not differ in it."
        for word in own
        if parse_override(word).is_sweep_override()
    ]
    config, space, fixed = None, list[Parameter](), list[str]()
    try:
        config = read_search_config(values)
    except UserError as error:
        problems += error.lines
    try:
        space, fixed = read_space([*_write_params(values.get("params")), *others])
    except UserError as error:
        problems += error.lines
    if config is not None and not problems:
        problems += find_space_problems(config, space)
    if config is None or problems:
        raise UserError(*problems)
    return Search(config, space, fixed)


def read_search_config(values: Mapping[str, Any]) -> SearchConfig:
    """Turn the plain values below `hydra.sweeper` into typed, checked settings.

    Raises:
        UserError: with a line for each unknown, missing, ill-typed or wrong one.
    """
    problems = list(_find_unknown(list(values)))
    problems += [
        f"{PREFIX}{key} must hold no reference, got {value!r}."
        for key, value in values.items()
        if key != "params" and "${" in str(value)
    ]
    config: SearchConfig | None = None
    try:
        config = read_section(values, SearchConfig, PREFIX)
        problems += _find_problems(config)
    except UserError as error:
        problems += error.lines
    if config is None or problems:
        raise UserError(*problems)
    return config


def _write_params(params: Any) -> list[str]:
    """Return the words of the settings below `hydra.sweeper.params`.

    Raises:
        UserError: with a line for each that is unknown or wrong.
    """
    if not isinstance(params, Mapping):
        return []  # told with the settings
    words = write_words([f"{key}={value}" for key, value in flatten(params).items()], multirun=True)
    _, problems = find_bad_overrides(words, groups=list_groups([find_conf_folder()]), multirun=True)
    if problems:
        raise UserError(*(f"{PREFIX}params: {line}" for line in problems))
    return words


def find_space_problems(config: SearchConfig, space: Sequence[Parameter]) -> Iterator[str]:
    """Yield a line for each setting that does not fit the values to search."""
    if not space:
        yield "the search must have a setting to choose, got none. For instance: 'model.hidden_size=choice(64,128)'."
    endless = [each.key for each in space if isinstance(each, Numbers) and each.step is None]
    if config.sampler is Sampler.grid and endless:
        yield f"{PREFIX}sampler must be another than grid for the intervals of {', '.join(endless)}, got grid."
    elif config.sampler is Sampler.grid and count_cells(space) > MAX_GRID:
        yield f"{PREFIX}sampler=grid must have at most {MAX_GRID:,} combinations, got {count_cells(space):,}."
    if config.sampler is Sampler.cmaes and find_spec("cmaes") is None:
        yield f'{PREFIX}sampler=cmaes needs cmaes: python -m pip install "charrnn_exp[optuna]"'
    if config.sampler is Sampler.cmaes and all(isinstance(each, Choice) for each in space):
        yield f"{PREFIX}sampler must be another than cmaes for lists of values alone, got cmaes."


def count_cells(space: Sequence[Parameter]) -> int:
    """Return the number of combinations of a grid."""
    cells = 1
    for each in space:
        cells *= each.count_values()
    return cells


def _list_known() -> list[str]:
    return [field.name for field in fields(SearchConfig)]


def _find_name(word: str) -> str:
    """Return the setting of a search that a word names: n_trials of hydra.sweeper.n_trials=9."""
    return word.lstrip("+").partition("=")[0].removeprefix(PREFIX).partition(".")[0]


def _find_unknown(names: Sequence[str]) -> Iterator[str]:
    known = _list_known()
    for name in dict.fromkeys(names):
        if name not in known:
            hint = suggest(PREFIX + name, [PREFIX + each for each in known]) or f". Known: {', '.join(known)}."
            yield f"unknown setting {PREFIX + name!r}{hint}"


def _find_problems(config: SearchConfig) -> Iterator[str]:
    if not config.n_trials >= 1:
        yield f"{PREFIX}n_trials must be at least 1, got {config.n_trials}."
    if config.seed is not None and not 0 <= config.seed < 2**32:
        yield f"{PREFIX}seed must be from 0 to 2**32 - 1, got {config.seed}."
    if config.storage is not None and (problem := find_database_problem(config.storage)):
        yield problem
    elif config.storage is not None and config.storage.startswith("postgresql") and find_spec("psycopg") is None:
        yield f'{PREFIX}storage needs psycopg: python -m pip install "charrnn_exp[optuna]"'
    name = config.study_name
    if name is not None and not (0 < len(name) <= MAX_STUDY_NAME and name.isprintable() and "'" not in name):
        yield f"{PREFIX}study_name must be 1 to {MAX_STUDY_NAME} printable characters without ', got {name!r}."
    if not config.pruner_startup_trials >= 0:
        yield f"{PREFIX}pruner_startup_trials must be at least 0, got {config.pruner_startup_trials}."
    if not config.pruner_warmup_steps >= 0:
        yield f"{PREFIX}pruner_warmup_steps must be at least 0, got {config.pruner_warmup_steps}."
    yield from _find_objective_problems(config)


def _find_objective_problems(config: SearchConfig) -> Iterator[str]:
    objectives, directions = config.objectives, config.directions
    if not objectives:
        yield f"{PREFIX}objectives must have at least one of {', '.join(OBJECTIVES)}, got none."
    for each, count in Counter(objectives).items():
        if each not in OBJECTIVES:
            hint = suggest(each, OBJECTIVES) or "."
            yield f"{PREFIX}objectives must be of {', '.join(OBJECTIVES)}, got {each!r}{hint}"
        elif count > 1:
            yield f"{PREFIX}objectives must be different, got {each} {count} times."
    if directions is not None:
        for each in directions:
            if each not in DIRECTIONS:
                yield f"{PREFIX}directions must be of {', '.join(DIRECTIONS)}, got {each!r}."
        if len(directions) != len(objectives):
            yield f"{PREFIX}directions must be one for each objective, got {len(directions)} for {len(objectives)}."
    if config.pruner is not Pruner.none and (objectives != ["val_loss"] or directions not in (None, ["minimize"])):
        yield (
            f"{PREFIX}pruner must be none with another objective than the lowest val_loss, got {config.pruner.name}: "
            "it compares validation losses."
        )
    if config.sampler is Sampler.cmaes and len(objectives) > 1:
        yield f"{PREFIX}sampler must be tpe, random, grid or nsgaii for several objectives, got cmaes."
