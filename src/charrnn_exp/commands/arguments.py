"""`key=value` arguments of the verbs that work on an existing run."""

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import YES_OR_NO, Command
from charrnn_exp.config.choices import Unknown
from charrnn_exp.config.schema import Config, TrackingConfig
from charrnn_exp.errors import UserError
from charrnn_exp.files import find_path

TRACKING = "tracking."
MAX_DIGITS = 10


@dataclass(frozen=True)
class Arguments:
    """The words after a verb, parsed.

    Args:
        arguments: values of the arguments that the verb declares (`run`, `port`), as text.
        settings: overrides of a run's settings, as Hydra parses them.
        groups: words that choose an option of a config group, as typed.
    """

    arguments: dict[str, str]
    settings: tuple[Any, ...]
    groups: tuple[str, ...] = ()


def parse_arguments(words: Sequence[str], command: Command) -> Arguments:
    """Parse the words of a verb.

    Args:
        words: as typed.
        command: the verb.

    Raises:
        UserError: with a line for every word that is unknown or cannot be read.
    """
    from charrnn_exp.config.offered import list_offered_keys
    from charrnn_exp.config.overrides import explain_flag, list_settings, parse_override, suggest
    from charrnn_exp.config.words import FREE_KEYS, write_words

    names = [word.name for word in command.words]
    allowed = [key for key in list_settings() if command.takes_setting(key)]
    problems: list[str] = []
    found: dict[str, str] = {}
    overrides: list[Any] = []
    groups: list[str] = []
    offered = [key for key in list_offered_keys() if command.takes_setting(key)]
    flagged: set[int] = set()
    for i, word in enumerate(write_words(words)):
        if i in flagged:
            continue
        key, equals, value = word.partition("=")
        if equals and key in names:
            if value != "null":
                found[key] = _read_word(value)
            continue
        if word.startswith("-"):
            following = next((each for each in words[i + 1 : i + 2] if "=" not in each and each[:1] != "-"), None)
            flagged |= {i + 1} if following is not None else set()
            problems.append(explain_flag(word, following, [*names, *allowed]) or f"unknown flag {word!r}. See --help.")
            continue
        if equals and command.takes_group(key):
            groups.append(word)
            continue
        try:
            override = parse_override(word)
        except UserError as error:
            problems += error.lines
            continue
        typed = override.key_or_group
        if override.is_sweep_override() or override.is_delete():
            problems.append(f"{key} must be one value, got {value!r}.")
        elif typed in allowed or (typed.startswith(FREE_KEYS) and command.takes_setting(typed)):
            overrides.append(override)
        elif command.way_out and any(key == typed or key.startswith(f"{typed}.") for key in list_settings()):
            problems.append(f"{typed} must stay as the run has it, got {value!r}. {command.way_out}")
        else:
            hint = "." if typed in list_settings() else suggest(typed, [*names, *allowed, *offered]) or "."
            known = ", ".join([*names, *(f"{name}*" if name.endswith(".") else name for name in command.settings)])
            known = f"see {command.name} --help" if command.way_out else known  # there are many
            problems.append(f"{command.name} must be given settings it knows ({known}), got {key!r}{hint}")
    if problems := [*_find_empty(found), *problems]:
        raise UserError(*problems)
    return Arguments(found, tuple(overrides), tuple(groups))


def split_values(words: Sequence[str], command: Command) -> list[tuple[list[str], str]]:
    """Return the words of each combination of the values that settings have after -m, and what sets each apart.

    Args:
        words: as typed.
        command: the verb.

    Returns:
        One pair, with "" for what sets it apart, where -m is not among the words.

    Raises:
        UserError: if a word cannot be read, or none has several values.
    """
    from charrnn_exp.config.overrides import parse_override
    from charrnn_exp.config.words import write_words

    if not {"-m", "--multirun"} & set(words):
        return [(list(words), "")]
    kept = [word for word in words if word not in ("-m", "--multirun")]
    choices: list[list[tuple[str, str]]] = []
    for word in kept:
        key = word.partition("=")[0]
        if not command.takes_setting(key):
            choices.append([(word, "")])
            continue
        (written,) = write_words([word], multirun=True)
        override = parse_override(written)
        values = [f"{key}={each}" for each in override.sweep_string_iterator()] if override.is_sweep_override() else []
        choices.append([(each, each) for each in values] or [(word, "")])
    jobs = [
        ([word for word, _ in job], " ".join(name for _, name in job if name)) for job in itertools.product(*choices)
    ]
    if len(jobs) < 2:
        raise UserError("-m must be given a setting with several values, got none: sampling.temperature=0.5,0.8,1")
    return jobs


def split_names(typed: str, *, key: str) -> list[str]:
    """Return the names between the commas of a word; a path that exists is one name, commas and all.

    Raises:
        UserError: if there is none.
    """
    names = [typed] if os.path.lexists(find_path(typed)) else [name for name in typed.split(",") if name]
    if not names:
        raise UserError(f"{key} must name one or more, with commas between them, got {typed!r}.")
    return names


def read_switch(given: Mapping[str, str], name: str) -> bool:
    """Return whether a word that is on or off is on; it is off by default.

    Raises:
        UserError: if it is neither.
    """
    typed = given.get(name, "false")
    if typed not in YES_OR_NO:
        raise UserError(f"{name} must be true or false, got {typed!r}.")
    return typed == "true"


def read_count(given: Mapping[str, str], name: str) -> int | None:
    """Return the whole number of a word; None where it was not typed.

    Raises:
        UserError: if it is none, or below 1.
    """
    typed = given.get(name)
    if typed is None:
        return None
    if not (typed.isascii() and typed.isdecimal() and len(typed) < MAX_DIGITS and int(typed) > 0):
        raise UserError(f"{name} must be a whole number of at least 1, got {typed!r}.")
    return int(typed)


def read_amount(given: Mapping[str, str], name: str, *, of: str = "") -> float | None:
    """Return the number above 0 of a word; None where it was not typed.

    Args:
        given: words of the verb with their values.
        name: of the word.
        of: its unit, as ` of nats`.

    Raises:
        UserError: if it is none, not above 0, or infinite.
    """
    typed = given.get(name)
    if typed is None:
        return None
    try:
        amount = float(typed)
    except ValueError:
        amount = math.nan
    if not 0.0 < amount < math.inf:
        raise UserError(f"{name} must be a number{of} above 0, got {typed!r}.")
    return amount


def read_unknown(arguments: Arguments) -> Unknown:
    """Return what `unknown=` says is done with symbols that a run does not know; they are refused by default.

    Raises:
        UserError: if it is neither refuse nor skip.
    """
    typed = arguments.arguments.get("unknown", Unknown.refuse.name)
    if typed not in Unknown.__members__:
        raise UserError(f"unknown must be one of {', '.join(Unknown.__members__)}, got {typed!r}.")
    return Unknown[typed]


def read_file_words(arguments: Arguments) -> tuple[Path, Path]:
    """Return the file that `text=` names, and the new one of `out=`.

    Raises:
        UserError: with a line for each that is missing, and if `out` cannot become a new file.
    """
    problems = []
    if not arguments.arguments.get("text"):
        problems.append("text must be the path of a file, got nothing. Type text=FILE.")
    try:
        out = read_new_path(arguments)
    except UserError as error:
        problems += error.lines
    if problems:
        raise UserError(*problems)
    return find_path(arguments.arguments["text"]), out


def read_new_path(arguments: Arguments) -> Path:
    """Return the path of `out=`, where nothing is yet.

    Raises:
        UserError: if it is missing, something is there, or its folder cannot be written.
    """
    typed = arguments.arguments.get("out")
    if not typed:
        raise UserError("out must be a new path, got nothing. Type out=PATH.")
    path = find_path(typed)
    try:
        exists, is_folder = os.path.lexists(path), path.parent.is_dir()
    except (OSError, ValueError):  # a name that no file system has
        exists, is_folder = False, False
    if exists:
        raise UserError(f"out must be a new path, got {typed!r}, which exists. Remove it, or name another.")
    if not is_folder or not path.name:
        raise UserError(f"out must be a new path in a folder that exists, got {typed!r}.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"out must be in a folder that you may write, got {typed!r}.")
    return path


def read_tracking(arguments: Arguments) -> TrackingConfig:
    """Return the settings of the store at hand: those of a new run, with what the words say of tracking.

    Raises:
        UserError: with a line for each mistake.
    """
    from charrnn_exp.config.compose import compose_values

    typed = tuple(override for override in arguments.settings if override.key_or_group.startswith(TRACKING))
    return change_config(compose_values(arguments.groups), replace(arguments, settings=typed)).tracking


def drop_tracking(arguments: Arguments) -> Arguments:
    """Return the words without those of tracking, which say where a run is looked for."""
    kept = tuple(override for override in arguments.settings if not override.key_or_group.startswith(TRACKING))
    return replace(arguments, settings=kept, groups=())


def change_config(values: dict[str, Any], arguments: Arguments) -> Config:
    """Return the checked settings of a run with the changes of the arguments.

    A prompt or its file replaces the other one, which the run may have.
    """
    from charrnn_exp.config.reading import merge_overrides, read_config
    from charrnn_exp.config.references import resolve_typed

    changed, merged = {override.key_or_group for override in arguments.settings}, merge_overrides(values, ())
    for one, other in (("prompt", "prompt_file"), ("prompt_file", "prompt")):
        sampling = merged.get("sampling")
        if f"sampling.{one}" in changed and f"sampling.{other}" not in changed and isinstance(sampling, dict):
            sampling[other] = None
    merged = merge_overrides(merged, arguments.settings)
    if not any("${" in str(override.value()) for override in arguments.settings):
        return read_config(merged)
    return read_config(resolve_typed(merged, [override.key_or_group for override in arguments.settings]))


def _find_empty(found: Mapping[str, str]) -> list[str]:
    return [f"{key} must have a value after '=', got nothing." for key, value in found.items() if not value]


def _read_word(value: str) -> str:
    """Return the value of a verb's own word: without quotes around all of it, unless a file has that very name."""
    from charrnn_exp.config.words import unquote

    return value if os.path.lexists(value) else unquote(value)
