"""The command that makes a run: the settings that are not the defaults, as words for a shell."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.compose import compose_values
from charrnn_exp.config.reading import flatten
from charrnn_exp.config.words import quote_twice
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.changes import read_changes
from charrnn_exp.run_folder.overview import Overview
from charrnn_exp.views.runs import show_value

PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
"""Texts that need no quotes."""
WORDS_OF_YAML = ("null", "true", "false", "nan", "inf", "yes", "no", "on", "off")


def read_defaults() -> dict[str, Any]:
    """Return the settings of a run without a word, by dotted key."""
    return flatten(compose_values(()))


def write_command(run: Overview, defaults: Mapping[str, Any]) -> str:
    """Return the command that makes a run of the settings that this one began with; its later changes as comments.

    Args:
        run: at a glance.
        defaults: of `read_defaults`.
    """
    changes = read_changes(run.folder.changes, run.settings)
    values = dict(run.settings)
    for change in reversed(changes):
        values[change.setting] = change.old
    words = [write_word(key, value) for key, value in values.items() if key not in defaults or defaults[key] != value]
    begun = " ".join([name_program(), *(word for word in words if word)])
    return "\n".join([begun, *(f"# resumed with {change}" for change in changes)])


def write_word(key: str, value: Any) -> str:
    """Return a setting as a word that a shell and this program read as this very value; "" of an empty table.

    >>> write_word("dataset.path", "it's (1).txt"), write_word("seed", 3), write_word("model.extra", {})
    ('\\'dataset.path="it\\'"\\'"\\'s (1).txt"\\'', 'seed=3', '')
    """
    match value:
        case {}:
            return ""
        case str() if PLAIN.fullmatch(value) and value.lower() not in WORDS_OF_YAML:
            return f"{key}={value}"
        case str():
            return quote_twice(key, value)
        case list():
            inner = ",".join(shlex.split(write_word("x", each))[0].partition("=")[2] for each in value)
            return shlex.quote(f"{key}=[{inner}]")
        case _:
            return shlex.quote(f"{key}={show_value(value)}")
