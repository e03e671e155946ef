"""The door to Hydra: YAML groups and overrides become the typed, checked Config of every job."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.overrides import find_bad_overrides, suggest
from charrnn_exp.config.reading import flatten, read_config
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError, one_line

OWN_CODE = ("hydra._internal.", "hydra_plugins.")
"""The only modules that a composed config may name: Hydra's own launchers and sweepers, and its plugins."""


def compose_jobs(words: Sequence[str], *, multirun: bool = False, config_dir: Path | None = None) -> list[Config]:
    """Compose and check the run, or every job of the sweep, that the overrides describe.

    Args:
        words: overrides as typed.
        multirun: whether values such as `128,256` mean several jobs.
        config_dir: the user's own folder of YAML groups, searched first.

    Returns:
        One Config per job.

    Raises:
        UserError: with a line for everything that is wrong.
    """
    conf_folders = [find_conf_folder(), *([config_dir] if config_dir else [])]
    bad_words, problems = find_bad_overrides(words, groups=list_groups(conf_folders), multirun=multirun)
    good_words = [word for word in words if word not in bad_words]
    searchpath = [f"hydra.searchpath=[{_quote(str(config_dir))}]"] if config_dir else []
    configs = []
    with initialize_config_dir(str(conf_folders[0]), version_base="1.3"):
        for job in _split_jobs(good_words) if multirun else [good_words]:
            try:
                configs.append(_compose_one([*searchpath, *job]))
            except UserError as error:
                problems += [line for line in error.lines if line not in problems]
    if problems:
        raise UserError(*problems)
    return configs


def compose_values(words: Sequence[str]) -> dict[str, Any]:
    """Return the settings that the groups in conf/ and the overrides compose to, as plain values, unchecked."""
    with initialize_config_dir(str(find_conf_folder()), version_base="1.3"):
        return _compose_values(list(words))


def _split_jobs(words: list[str]) -> list[list[str]]:
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    batches = BasicSweeper.split_arguments(parser.parse_overrides(words), None)
    return [list(job) for batch in batches for job in batch]


def _compose_one(words: list[str]) -> Config:
    values = _compose_values(words)
    try:
        return read_config(values)
    except UserError:
        return read_config(values, fallback=_compose_values([]))


def _compose_values(words: list[str]) -> dict[str, Any]:
    try:
        composed = compose("config", overrides=words, return_hydra_config=True)
        _refuse_code(composed)
        OmegaConf.set_struct(composed, False)
        del composed["hydra"]
        container = OmegaConf.to_container(composed, resolve=True)
    except MissingConfigException as error:
        raise UserError(_explain_missing(error)) from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(f"the settings must compose, got: {one_line(error)}") from error
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _refuse_code(composed: DictConfig) -> None:
    """Refuse a config that names code: Hydra would run it before a single line of ours."""
    found = flatten(OmegaConf.to_container(composed, resolve=False))  # type: ignore[arg-type]
    problems = []
    for key, value in found.items():
        if key.rpartition(".")[2] != "_target_":
            continue
        allowed = key.startswith(("hydra.launcher.", "hydra.sweeper.")) and str(value).startswith(OWN_CODE)
        if not allowed:
            problems.append(f"{key} must not be set, got {value!r}. Settings never name code to run.")
    if problems:
        raise UserError(*problems)


def _explain_missing(error: MissingConfigException) -> str:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if not error.options:
        return f"{error.missing_cfg_file!r} must be a known config file. {one_line(error)}"
    options = sorted(error.options)
    return f"{group} must be one of {', '.join(options)}, got {option!r}{suggest(option, options) or '.'}"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
