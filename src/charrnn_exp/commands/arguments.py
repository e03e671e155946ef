"""`key=value` words of the verbs that work on a run which exists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from charrnn_exp.config.overrides import list_settings, open_free_keys, parse_override, suggest
from charrnn_exp.config.reading import merge_overrides, read_config
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError

TAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "resume": (("run",), ("training.epochs", "training.max_steps", "tracking.")),
    "sample": (("run", "checkpoint"), ("sampling.",)),
    "evaluate": (("run", "split", "text", "checkpoint"), ()),
    "ui": (("port", "open"), ("tracking.",)),
    "repair": (("run",), ("tracking.",)),
    "completion": (("shell", "line"), ()),
}
"""What each verb takes: words of its own, and settings that it may change (all below a name that ends in a dot)."""


@dataclass(frozen=True)
class Words:
    """The words after a verb, parsed.

    Args:
        own: values of the verb's own words (`run`, `port`), as text.
        settings: what it changes of a run's settings.
    """

    own: dict[str, str]
    settings: tuple[Override, ...]


def parse_words(words: Sequence[str], *, verb: str) -> Words:
    """Parse the words of a verb.

    Args:
        words: as typed.
        verb: one of `TAKES`.

    Raises:
        UserError: with a line for every word that is unknown or cannot be read.
    """
    own, settings = TAKES[verb]
    allowed = [key for key in list_settings() if key.startswith(tuple(settings))]
    problems: list[str] = []
    found: dict[str, str] = {}
    overrides: list[Override] = []
    for word in open_free_keys(words):
        key, equals, value = word.partition("=")
        if equals and key in own:
            found[key] = value
            continue
        try:
            override = parse_override(word)
        except UserError as error:
            problems += error.lines
            continue
        if override.is_sweep_override() or override.is_delete():
            problems.append(f"{key} must be one value, got {value!r}. Quote a comma: '{key}=\"{value}\"'.")
        elif override.key_or_group in allowed or (
            "tracking." in settings and override.key_or_group.startswith("tracking.tags.")
        ):
            overrides.append(override)
        else:
            known = override.key_or_group in list_settings()
            hint = "." if known else suggest(override.key_or_group, [*own, *allowed]) or "."
            names = ", ".join([*own, *(f"{name}*" if name.endswith(".") else name for name in settings)])
            problems.append(f"{verb} must be given settings it knows ({names}), got {key!r}{hint}")
    if problems:
        raise UserError(*problems)
    return Words(found, tuple(overrides))


def change_config(values: dict[str, Any], words: Words) -> Config:
    """Return the checked settings of a run after the words' changes."""
    return read_config(merge_overrides(values, words.settings))
