"""`key=value` arguments of the verbs that work on an existing run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from charrnn_exp.commands.command import Command
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError


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
    from charrnn_exp.config.overrides import FREE_KEYS, list_settings, open_free_keys, parse_override, suggest

    names = [word.name for word in command.words]
    allowed = [key for key in list_settings() if command.takes_setting(key)]
    problems: list[str] = []
    found: dict[str, str] = {}
    overrides: list[Any] = []
    groups: list[str] = []
    for word in open_free_keys(words):
        key, equals, value = word.partition("=")
        if equals and key in names:
            found[key] = value
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
            problems.append(f"{key} must be one value, got {value!r}. Quote a comma: '{key}=\"{value}\"'.")
        elif typed in allowed or (typed.startswith(FREE_KEYS) and command.takes_setting(typed)):
            overrides.append(override)
        elif command.way_out and any(key == typed or key.startswith(f"{typed}.") for key in list_settings()):
            problems.append(f"{typed} must stay as the run has it, got {value!r}. {command.way_out}")
        else:
            hint = "." if typed in list_settings() else suggest(typed, [*names, *allowed]) or "."
            known = ", ".join([*names, *(f"{name}*" if name.endswith(".") else name for name in command.settings)])
            known = f"see {command.name} --help" if command.way_out else known  # there are many
            problems.append(f"{command.name} must be given settings it knows ({known}), got {key!r}{hint}")
    if problems:
        raise UserError(*problems)
    return Arguments(found, tuple(overrides), tuple(groups))


def change_config(values: dict[str, Any], arguments: Arguments) -> Config:
    """Return the checked settings of a run with the changes of the arguments.

    A prompt or its file replaces the other one, which the run may have.
    """
    from charrnn_exp.config.reading import merge_overrides, read_config

    changed, merged = {override.key_or_group for override in arguments.settings}, merge_overrides(values, ())
    for one, other in (("prompt", "prompt_file"), ("prompt_file", "prompt")):
        sampling = merged.get("sampling")
        if f"sampling.{one}" in changed and f"sampling.{other}" not in changed and isinstance(sampling, dict):
            sampling[other] = None
    return read_config(merge_overrides(merged, arguments.settings))
