"""Composition by Hydra: YAML groups and overrides become the typed, checked Config of every job."""

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.databases import find_typed_passwords
from charrnn_exp.config.hydra_settings import refuse_foreign_hydra
from charrnn_exp.config.launchers import GROUP, KINDS, LauncherConfig, read_launcher, require_package
from charrnn_exp.config.missing import explain_missing
from charrnn_exp.config.overrides import find_bad_overrides, find_intervals
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.references import resolve_values, without_resolvers
from charrnn_exp.config.schema import Config
from charrnn_exp.config.search import OPTION, Search, list_plain_words, read_search, require_optuna
from charrnn_exp.config.space import list_probes
from charrnn_exp.config.variants import VariantComposer, compose_by_hydra
from charrnn_exp.config.words import write_text
from charrnn_exp.config.yaml_files import check_files
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import read_text

Composer = Callable[[Sequence[str]], DictConfig]


@dataclass(frozen=True)
class Composed:
    """A job as it was composed.

    Args:
        words: its overrides, one value each.
        config: its checked settings.
        options: the chosen option of each group, those of Hydra included.
        search: that it is a part of: one of the jobs that have each value once; None: it is one of a sweep, or alone.
        launcher: settings of our launcher on a cluster; None: another one, or no sweep.
    """

    words: Sequence[str]
    config: Config
    options: Mapping[str, Any]
    search: Search | None = None
    launcher: LauncherConfig | None = None


def compose_jobs(words: Sequence[str], *, multirun: bool = False, config_dir: Path | None = None) -> list[Config]:
    """Return the checked settings of a run, or of every job of a sweep; see `compose_all`."""
    return [composed.config for composed in compose_all(words, multirun=multirun, config_dir=config_dir)]


def compose_all(words: Sequence[str], *, multirun: bool = False, config_dir: Path | None = None) -> list[Composed]:
    """Compose and check a run, or every job of a sweep.

    Args:
        words: overrides as typed.
        multirun: whether values such as `128,256` mean several jobs.
        config_dir: the user's own folder of YAML groups, searched first.

    Returns:
        One for each job; of a search with Optuna, one for each value to choose from.

    Raises:
        UserError: with a line for each mistake.
    """
    if typed_passwords := list(find_typed_passwords(words)):
        raise UserError(*typed_passwords)
    if multirun and f"hydra/sweeper={OPTION}" in words:
        require_optuna()
    for option in KINDS:
        if multirun and f"{GROUP}={option}" in words:
            require_package(option)
    conf_folders = [find_conf_folder(), *([config_dir] if config_dir else [])]
    check_files(config_dir)
    groups = list_groups(conf_folders)
    bad_words, problems = find_bad_overrides(words, groups=groups, multirun=multirun)
    good_words = [word for word in words if word not in bad_words]
    unread, typed = ({word.partition("=")[0].lstrip("+~") for word in each} for each in (bad_words, good_words))

    def compose_each(*, may_search: bool) -> tuple[list[Composed], list[str]]:
        jobs, search, found, wrong = [good_words], None, list[Composed](), list[str]()
        if multirun:
            try:
                jobs, search = _list_jobs(good_words, searchpath, may_search=may_search)
            except UserError as error:
                wrong += error.lines
                jobs = [list_plain_words(good_words)]
        composer = VariantComposer(jobs, groups)
        for job in jobs:
            try:
                one = _compose_one([*searchpath, *job], multirun=multirun, composer=composer)
                found.append(replace(one, words=job, search=search))
            except UserError as error:
                true = [line for line in error.lines if not _rests_on(line, unread, typed)]
                wrong += [line for line in true if line not in [*problems, *wrong]]
        return found, wrong

    with open_conf(config_dir) as searchpath:
        is_open = not any(word.startswith("hydra/sweeper=") for word in good_words)
        may_search = f"hydra/sweeper={OPTION}" in good_words or (is_open and any(find_intervals(good_words)))
        composed, wrong = compose_each(may_search=may_search)
        if multirun and is_open and not may_search and composed and composed[0].options["hydra/sweeper"] == OPTION:
            composed, wrong = compose_each(may_search=True)  # a file has chosen it
        problems += wrong
    if problems:
        raise UserError(*problems)
    return composed


def compose_job(words: Sequence[str], *, config_dir: Path | None) -> Config:
    """Compose and check one job of a sweep whose words, with one value each, are known to be right.

    Args:
        words: its overrides.
        config_dir: the user's own folder of YAML groups, searched first.

    Raises:
        UserError: with a line for each mistake.
    """
    with open_conf(config_dir) as searchpath:
        return _compose_one([*searchpath, *words], multirun=True).config


def compose_values(words: Sequence[str]) -> dict[str, Any]:
    """Return the settings that the groups in conf/ and the overrides compose to, as plain values, unchecked."""
    with open_conf() as searchpath:
        return _compose_values([*searchpath, *words])[0]


@contextmanager
def open_conf(config_dir: Path | None = None) -> Iterator[list[str]]:
    """Let Hydra compose from conf/ within the context; yield the words to put before others.

    Args:
        config_dir: the user's own folder of YAML groups, searched too.
    """
    searchpath = [f"hydra.searchpath=[{write_text(str(config_dir))}]"] if config_dir else []
    with initialize_config_dir(str(find_conf_folder()), job_name="charrnn_exp", version_base="1.3"):
        yield searchpath


def split_jobs(words: Sequence[str]) -> list[list[str]]:
    """Return the words of every job of a sweep: each combination of the values, the last word's changing first.

    Called while conf/ is open, since a glob asks for the options of its group.

    Raises:
        UserError: if the values are no lists, ranges or globs, or there are none.
    """
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    values: dict[str, list[str]] = {}
    try:
        for override in parser.parse_overrides(list(words)):
            key = override.get_key_element()
            if override.is_discrete_sweep():
                values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
            else:
                values[key] = [f"{key}={override.get_value_element_as_str()}"]
    except HydraException as error:
        raise UserError(f"the sweep must be lists, ranges or globs of values, got: {one_line(error)}") from error
    jobs = [list(job) for job in itertools.product(*values.values())]
    if not jobs:
        raise UserError(f"the sweep must have at least one job, got none of {' '.join(words)!r}.")
    return jobs


def _list_jobs(
    words: Sequence[str], searchpath: Sequence[str], *, may_search: bool
) -> tuple[list[list[str]], Search | None]:
    """Return the words of each job of a sweep, or of each job to check before a search, with the search.

    Args:
        words: that can be composed.
        searchpath: words to put before them.
        may_search: whether a word, or perhaps a file, chooses a search.

    Raises:
        UserError: if a sweep has none, or the settings of the search are wrong.
    """
    if may_search:
        is_typed = f"hydra/sweeper={OPTION}" in words
        composed = _compose_sweeper([*searchpath, *list_plain_words(words)], must_compose=is_typed)
        if composed is not None:
            search = read_search(composed, words)
            return list_probes(search.space, search.fixed), search
    if intervals := dict(find_intervals(words)):
        raise UserError(*intervals.values())
    return split_jobs(words), None


def _compose_sweeper(words: Sequence[str], *, must_compose: bool) -> dict[str, Any] | None:
    """Return the settings of a search; None: another sweeper is chosen, or the words do not compose."""
    try:
        composed = compose_by_hydra(words)
    except Exception:
        if must_compose:
            _compose_values(list(words), multirun=True)  # raises the mistake
        return None
    if composed.hydra.runtime.choices.get("hydra/sweeper") != OPTION:
        return None
    values: Any = OmegaConf.to_container(composed.hydra.sweeper, resolve=False)
    return dict(values)


def _rests_on(line: str, unread: Collection[str], typed: Collection[str]) -> bool:
    """Return whether a problem is one of a word that was refused, so that its setting has a value nobody asked for.

    Args:
        line: of the problem.
        unread: settings and groups of the words that were refused.
        typed: those of the other words.
    """
    subject = line.partition(" ")[0]
    condition = re.search(r" when ([a-z_.]+)=", line)
    settings = {subject, condition[1]} if condition else {subject}
    return any(each in unread or (each.partition(".")[0] in unread and each not in typed) for each in settings)


def _compose_one(words: list[str], *, multirun: bool, composer: Composer = compose_by_hydra) -> Composed:
    values, options, launcher = _compose_values(words, multirun=multirun, composer=composer)
    try:
        config = read_config(values)
    except UserError:
        config = read_config(values, fallback=_compose_values([])[0])
    return Composed(words, config, options, launcher=launcher)


def _compose_values(
    words: list[str], *, multirun: bool = False, composer: Composer = compose_by_hydra
) -> tuple[dict[str, Any], dict[str, Any], LauncherConfig | None]:
    """Return the settings as plain values, the chosen options, and the settings of our launcher of a sweep."""
    try:
        with without_resolvers():
            composed = composer(words)
            refuse_foreign_hydra(composed, words)
            if not multirun and composed.hydra.mode is RunMode.MULTIRUN:
                raise UserError("hydra.mode must be left as it is, got MULTIRUN in a file. Use -m on the command line.")
            chosen = dict(composed.hydra.runtime.choices)
            folders = [Path(each.path) for each in composed.hydra.runtime.config_sources if each.schema == "file"]
            values: Any = OmegaConf.to_container(composed.hydra.launcher, resolve=False) if multirun else {}
            launcher = read_launcher(chosen.get(GROUP), values) if multirun else None
            OmegaConf.set_struct(composed, False)
            del composed["hydra"]
            _refuse_missing_header(composed, chosen, folders)
            return resolve_values(composed), chosen, launcher
    except MissingConfigException as error:
        raise UserError(explain_missing(error)) from error
    except UserError:
        raise
    except Exception as caught:  # Hydra, OmegaConf and PyYAML raise their own and Python's for the user's mistakes
        cause: BaseException = caught
        while not str(cause) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise UserError(f"the settings must compose, got: {one_line(cause)}") from caught


def _refuse_missing_header(composed: DictConfig, chosen: dict[str, Any], folders: list[Path]) -> None:
    """Refuse files of a group that is no section of the settings, such as an experiment, without their first line."""
    if {str(key) for key in composed} <= {field.name for field in fields(Config)}:
        return
    sections = {field.name for field in fields(Config)}
    options = [(group, option) for group, option in chosen.items() if option and group not in sections]
    problems = []
    for path in (folder / group / f"{option}.yaml" for group, option in options for folder in folders):
        if "hydra" in path.parts[-3:-1] or not path.is_file():
            continue
        lines = itertools.takewhile(lambda line: not line or line.startswith("#"), read_text(path).splitlines())
        if not any(re.match(r"#\s*@package\s+\S+", line) for line in lines):
            problems.append(f"{path} must begin with the line '# @package _global_', got none.")
    if problems:
        raise UserError(*problems)
