"""Overrides: `key=value` words, checked against the known settings before composition."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from hydra.errors import HydraException

from charrnn_exp.config.offered import list_offered_keys
from charrnn_exp.config.schema import Config
from charrnn_exp.config.synonyms import SYNONYMS
from charrnn_exp.config.words import FREE_KEYS, quote_twice, show_word, takes_list, takes_text, unquote
from charrnn_exp.errors import UserError

UNNAMED = ("tracking", "sweep.", "sweep=", "hydra.", "hydra/")
"""Settings that no run is named after: where it is tracked, and how it is launched."""
MAX_RUN_NAME = 250
INTERVALS = "Intervals are for hydra/sweeper=optuna."


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
    shown = [show_word(word) for word in words if not word.lstrip("+").startswith(UNNAMED)]
    varying = [word for word in shown if word.partition("=")[0] in swept] if swept else shown
    return " ".join(varying)[:MAX_RUN_NAME] or "defaults"


def find_intervals(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each word with an interval, and a line that only a search takes it."""
    for word in words:
        override = parse_override(word)
        if isinstance(override.value(), IntervalSweep):
            key, value = override.key_or_group, word.partition("=")[2]
            yield word, f"{key} must be a list, range or glob of values, got {value}. {INTERVALS}"


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
    meant = [word for word in SYNONYMS.get(leaf.lower().replace("-", "_"), ()) if word in words]
    same_start = [word for word in words if len(typed) >= 3 and word.startswith(typed)]
    near = same_leaf or meant or same_start or _find_near(typed, words)
    if not near:
        leaves = {word.rpartition(".")[2]: word for word in words}
        near = [leaves[match] for match in _find_near(leaf, leaves)]
    return f" - did you mean {' or '.join(near)}?" if near else ""


def explain_flag(flag: str, value: str | None, known: Collection[str]) -> str | None:
    """Return a line for a setting that was typed as a flag, `--hidden_size 512`; None: no setting is meant.

    Args:
        flag: as typed, with its dashes.
        value: the word after it, if that may be its value.
        known: settings, groups and words of the verb.

    >>> explain_flag("--hidden_size", "512", list_settings())
    "'--hidden_size 512' must be written without dashes: model.hidden_size=512."
    """
    name, equals, inside = flag.lstrip("-").partition("=")
    near = suggest(name, known).removeprefix(" - did you mean ").rstrip("?")
    keys = [name] if name in known else near.split(" or ")
    if keys == [""]:
        return None
    given = (inside if equals else value) or "VALUE"
    typed = flag if equals or value is None else f"{flag} {value}"
    return f"{typed!r} must be written without dashes: {' or '.join(f'{key}={given}' for key in keys)}."


def _find_near(typed: str, words: Iterable[str]) -> list[str]:
    """Return the word that differs least, upper and lower case aside; none: all differ much."""
    by_lower = {word.lower(): word for word in words}
    return [by_lower[match] for match in difflib.get_close_matches(typed.lower(), by_lower, n=1, cutoff=0.7)]


def _override_problems(override: Override, groups: Mapping[str, Sequence[str]], multirun: bool) -> Iterator[str]:
    key, value, typed = override.key_or_group, override.input_line.partition("=")[2], show_word(override.input_line)
    if "_target_" in key or ("_target_" in value and not isinstance(override.value(), str)):
        yield f"{key} must not hold '_target_', got {typed!r}. Settings never name code to run."
    elif override.is_sweep_override() and not multirun:
        yield f"{key} must be one value, got {value}. Add -m to sweep over them."
    elif isinstance(override.value(), Glob) and key not in groups:
        yield f"{key} must be values, got {value}. glob() is for groups: {', '.join(groups)}."
    elif takes_text(key) and isinstance(override.value(), dict if takes_list(key) else list | dict):
        yield _explain_text(key, value)
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
        hint = suggest(key, [*settings, *groups, *list_offered_keys()])
        yield f"unknown setting {key!r}{hint or '. See --help, or --cfg job for all settings.'}"
    elif override.is_add() and not override.is_force_add():
        typed = f"+{show_word(override.input_line)}"
        yield f"{key} must be written without '+', got {typed!r}. It is a known setting."


def _explain_syntax(word: str, error: Exception) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        meant = suggest(word, ["--help", "--version", "--cfg job", "-m"]) or "."
        return f"{word!r} must be a setting of the form key=value{meant if meant != '.' else '. See --help.'}"
    if takes_text(key.lstrip("+")):
        return _explain_text(key.lstrip("+"), value)
    reason = " ".join(str(error).splitlines()[0].split())
    return f"{key} must be a value that Hydra's grammar can read, got {value!r} ({reason}). See --help {key}."


def _explain_text(key: str, value: str) -> str:
    """Return the line for a text of a sweep, where commas and brackets are Hydra's; it ends with a word to paste."""
    return (
        f"{key} must be text, in a sweep with quotes around commas and brackets, got {value!r}. "
        f"As one text: {quote_twice(key, unquote(value))}"
    )
