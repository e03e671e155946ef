"""Hydra's own settings in a composed config: those that a user may change, and those that could run code."""

import functools
import re
from collections.abc import Collection, Sequence
from typing import Any

from hydra import compose
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.launchers import FROM_FILES, GROUP
from charrnn_exp.errors import UserError

OWN_CODE = ("hydra._internal.core_plugins.", "hydra_plugins.")
"""The only modules that a composed config may name: Hydra's own launchers and sweepers, and its plugins."""
PLUGIN_TARGETS = ("hydra.launcher._target_", "hydra.sweeper._target_")
HARMLESS_REFERENCES = re.compile(r"(?:[^$]|\$\{hydra\.[a-z_.]+\})*")
"""Text of a launcher's setting that holds no reference but to Hydra's other settings, which are checked themselves."""
FREE_HYDRA = (
    "hydra.mode",
    "hydra.verbose",
    "hydra.launcher.",
    "hydra.sweeper.max_batch_size",
    "hydra.searchpath",
    "hydra.runtime.",
    "hydra.overrides.",
    "hydra.job.override_dirname",
)
"""Hydra's settings that a user may change, and those that it fills in itself."""


def refuse_foreign_hydra(composed: DictConfig, words: Sequence[str]) -> None:
    """Refuse settings of Hydra's own that could run code before a single line of ours.

    Hydra builds callbacks and log handlers from its config, `_target_` or not, so what is not in `FREE_HYDRA` must be
    what our own config has. Settings of a launcher may name commands, programs, packages and environments: but for
    those in `FROM_FILES` they are what its option has, or typed.

    Args:
        composed: the whole config.
        words: of the command line, from which alone it may have them.
    """
    choices = composed.hydra.runtime.choices
    ours = _own_hydra(choices.get(GROUP))
    is_search = choices.get("hydra/sweeper") == "optuna"  # built by us, see `config/search.py`
    free = (*FREE_HYDRA, "hydra.sweeper.") if is_search else FREE_HYDRA
    typed = {word.lstrip("+~").partition("=")[0] for word in words}
    problems = []
    for key, value in _flatten_all(_hydra_values(composed), "hydra").items():
        leaf = key.rpartition(".")[2]
        if key in PLUGIN_TARGETS and str(value).startswith(OWN_CODE) and "$" not in str(value):
            continue
        changed = key not in ours or ours[key] != value
        if changed and key.startswith(("hydra.run.", "hydra.sweep.")):
            problems.append(f"{key} must be left as it is, got {value!r}. Runs lie below outputs/; set name=NAME.")
        elif changed and (
            leaf.startswith("_")
            or not key.startswith(free)
            or (key.startswith("hydra.launcher.") and not HARMLESS_REFERENCES.fullmatch(str(value)))
        ):
            problems.append(f"{key} must be left as it is, got {value!r}. Settings never name code to run.")
        elif changed and key.startswith("hydra.launcher.") and key not in FROM_FILES and not _is_typed(key, typed):
            problems.append(
                f"{key} must be typed on the command line, got {value!r} from a file. It may name programs."
            )
    if problems:
        raise UserError(*problems)


def _is_typed(key: str, typed: Collection[str]) -> bool:
    """Return whether a setting, or one that it is a part of, was typed."""
    parts = key.split(".")
    return any(".".join(parts[:i]) in typed for i in range(2, len(parts) + 1))


@functools.cache
def _own_hydra(launcher: str | None) -> dict[str, Any]:
    """Return Hydra's settings as our conf/ and installed launchers have them, without conf/local and --config-dir.

    They are composed once for all jobs; a launcher that only a file of the user has gets none of its own.
    """
    without_local = ["~local"] if "local" in list_groups([find_conf_folder()]) else []
    if launcher not in (None, "basic"):
        try:
            return _compose_own([*without_local, f"{GROUP}={launcher}"])
        except MissingConfigException:
            pass
    return _compose_own(without_local)


def _compose_own(words: list[str]) -> dict[str, Any]:
    return _flatten_all(_hydra_values(compose("config", words, return_hydra_config=True)), "hydra")


def _hydra_values(composed: DictConfig) -> Any:
    return OmegaConf.to_container(composed.hydra, resolve=False)


def _flatten_all(value: Any, key: str) -> dict[str, Any]:
    """Return the leaves of nested dicts and lists by dotted key."""
    match value:
        case dict() if value:
            return {k: v for name, item in value.items() for k, v in _flatten_all(item, f"{key}.{name}").items()}
        case list() if value:
            return {k: v for i, item in enumerate(value) for k, v in _flatten_all(item, f"{key}.{i}").items()}
        case _:
            return {key: value}
