"""`key=value` arguments of the verbs that work on an existing run."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from charrnn_exp.commands.command import Command
from charrnn_exp.config.choices import Unknown
from charrnn_exp.config.schema import Config, TrackingConfig
from charrnn_exp.errors import UserError

TRACKING = "tracking."


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
    if problems:
        raise UserError(*problems)
    return Arguments(found, tuple(overrides), tuple(groups))


def read_unknown(arguments: Arguments) -> Unknown:
    """Return what `unknown=` says is done with symbols that a run does not know; they are refused by default.

    Raises:
        UserError: if it is neither refuse nor skip.
    """
    typed = arguments.arguments.get("unknown", Unknown.refuse.name)
    if typed not in Unknown.__members__:
        raise UserError(f"unknown must be one of {', '.join(Unknown.__members__)}, got {typed!r}.")
    return Unknown[typed]


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


def _read_word(value: str) -> str:
    """Return the value of a verb's own word: without quotes around all of it, unless a file has that very name."""
    from charrnn_exp.config.words import unquote

    return value if os.path.lexists(value) else unquote(value)
