"""Overrides: `key=value` words, checked against the known settings before composition."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError

QUOTING = (
    "Quote it twice, 'sampling.prompt=\"to be, or not\"', or put it into a file: "
    "sampling.prompt_file=FILE (- reads standard input)."
)
FREE_KEYS = ("tracking.tags.", "sampling.extra.", "model.extra.")
"""Settings below these have names that the user chooses, or an installed package."""
UNNAMED = ("tracking", "hydra.", "hydra/")
"""Settings that no run is named after: where it is tracked, and how it is launched."""
MAX_RUN_NAME = 250


def list_settings(section: Any = Config, prefix: str = "") -> list[str]:
    """Return the dotted key of every setting.

    >>> list_settings()[:4]
    ['name', 'seed', 'dataset.name', 'dataset.source']
    """
    keys: list[str] = []
    for field in fields(section):
        key = prefix + field.name
        keys += list_settings(field.type, key + ".") if is_dataclass(field.type) else [key]
    return keys


def parse_override(word: str) -> Override:
    """Parse one `key=value` word with Hydra's grammar.

    Raises:
        UserError: with the way to write it.
    """
    try:
        return OverridesParser.create().parse_override(word)
    except (HydraException, ValueError, RecursionError) as error:  # of thousands of digits or brackets
        raise UserError(_explain_syntax(word, error)) from error


def open_free_keys(words: Sequence[str]) -> list[str]:
    """Return the words with '++' before settings that no file in conf/ names, which Hydra would ask for.

    >>> open_free_keys(["tracking.tags.team=a", "seed=1"])
    ['++tracking.tags.team=a', 'seed=1']
    """
    free = (*FREE_KEYS, *(f"{key[:-1]}=" for key in FREE_KEYS))
    return ["++" + word if word.startswith(free) else word for word in words]


def find_swept_keys(words: Sequence[str]) -> set[str]:
    """Return the settings and groups that have several values.

    >>> find_swept_keys(["seed=1,2", "model.hidden_size=5"])
    {'seed'}
    """
    parsed = [parse_override(word) for word in words]
    return {override.key_or_group for override in parsed if override.is_sweep_override()}


def name_run(words: Sequence[str], swept: Collection[str]) -> str:
    """Return the overrides as a name, without those in `UNNAMED`; in a sweep, only those that vary.

    >>> name_run(["dataset=shakespeare", "model.hidden_size=512", "tracking=server"], set())
    'dataset=shakespeare model.hidden_size=512'
    >>> name_run(["dataset=shakespeare", "model.hidden_size=512"], {"model.hidden_size"})
    'model.hidden_size=512'
    >>> name_run([], set())
    'defaults'
    """
    shown = [word.lstrip("+") for word in words if not word.lstrip("+").startswith(UNNAMED)]
    varying = [word for word in shown if word.partition("=")[0] in swept] if swept else shown
    return " ".join(varying)[:MAX_RUN_NAME] or "defaults"


def find_bad_overrides(
    words: Sequence[str], *, groups: Mapping[str, Sequence[str]], multirun: bool
) -> tuple[set[str], list[str]]:
    """Return the words that cannot be composed, each with a line on its mistake.

    Args:
        words: as typed, `model.hidden_size=512`, `dataset=shakespeare`, `+tracking.tags.team=a`.
        groups: the options of each config group.
        multirun: whether a list of values is allowed.
    """
    bad_words: set[str] = set()
    problems: list[str] = []
    for word in words:
        try:
            override = parse_override(word)
            found = list(_override_problems(override, groups, multirun))
        except UserError as error:
            found = error.lines
        if found:
            bad_words.add(word)
            problems += found
    return bad_words, problems


def suggest(typed: str, known: Iterable[str]) -> str:
    """Return ` - did you mean ...?`, or nothing where no known word is near.

    >>> suggest("model.hiden_size", ["model.hidden_size", "name"])
    ' - did you mean model.hidden_size?'
    """
    words = list(known)
    leaf = typed.rpartition(".")[2]
    same_leaf = [word for word in words if word.rpartition(".")[2] == leaf]
    same_start = [word for word in words if len(typed) >= 3 and word.startswith(typed)]
    near = same_leaf or same_start or difflib.get_close_matches(typed, words, n=1, cutoff=0.7)
    if not near:
        leaves = {word.rpartition(".")[2]: word for word in words}
        near = [leaves[match] for match in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.7)]
    return f" - did you mean {' or '.join(near)}?" if near else ""


def _override_problems(override: Override, groups: Mapping[str, Sequence[str]], multirun: bool) -> Iterator[str]:
    key, value = override.key_or_group, override.input_line.partition("=")[2]
    if "_target_" in key or ("_target_" in value and not isinstance(override.value(), str)):
        yield f"{key} must not hold '_target_', got {override.input_line!r}. Settings never name code to run."
    elif override.is_sweep_override() and not multirun:
        if key.startswith("sampling.prompt"):
            yield f"{key} must be quoted where it has a comma, got {value}. {QUOTING}"
        else:
            yield f"{key} must be one value, got {value}. Add -m to sweep over them."
    elif isinstance(override.value(), Glob) and key not in groups:
        yield f"{key} must be values, got {value}. glob() is for groups: {', '.join(groups)}."
    elif isinstance(override.value(), IntervalSweep):
        yield f"{key} must be a list, range or glob of values, got {value}. Intervals are for other sweepers."
    elif key == "hydra.searchpath":
        yield f"{key} must be left as it is, got {value!r}. Use --config-dir for settings of your own."
    elif key in groups:
        yield from _option_problems(override, groups[key])
    elif not key.startswith(("hydra.", "hydra/", *FREE_KEYS)):
        yield from _key_problems(override, groups)


def _option_problems(override: Override, options: Sequence[str]) -> Iterator[str]:
    key, option = override.key_or_group, override.value()
    if override.is_add():
        yield f"{key} must be written without '+', got {override.input_line!r}. It is a known group."
    elif override.is_sweep_override() or override.is_delete() or option is None:
        return
    elif option not in options:
        hint = suggest(str(option), options) or "."
        yield f"{key} must be one of {', '.join(options)}, got {option!r}{hint}"


def _key_problems(override: Override, groups: Iterable[str]) -> Iterator[str]:
    key, settings = override.key_or_group, list_settings()
    if key not in settings and not any(setting.startswith(key + ".") for setting in settings):
        hint = suggest(key, [*settings, *groups])
        yield f"unknown setting {key!r}{hint or '. See --help, or --cfg job for all settings.'}"
    elif override.is_add() and not override.is_force_add():
        yield f"{key} must be written without '+', got {override.input_line!r}. It is a known setting."


def _explain_syntax(word: str, error: Exception) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return f"{word!r} must be a setting of the form key=value. See --help."
    if key.startswith("sampling.prompt"):
        return f"{key} must be text that Hydra's grammar can read, got {value!r}. {QUOTING}"
    reason = " ".join(str(error).splitlines()[0].split())
    return f"{key} must be a value that Hydra's grammar can read, got {value!r} ({reason}). Put it in quotes."
