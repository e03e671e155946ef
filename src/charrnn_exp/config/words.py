"""Typed words in Hydra's grammar: a setting that takes text gets the text as it was typed.

`dataset.path=it's (1).txt` becomes `dataset.path='it\\'s (1).txt'`. Of a typed text, quotes around all of it are taken
off, `null` alone is null, and `${...}` refers to another setting. All other settings keep Hydra's grammar.
"""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from charrnn_exp.config.choices import CHOICES_OF
from charrnn_exp.config.offered import find_offered
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError

FREE_KEYS = ("tracking.tags.", "sampling.extra.", "model.extra.")
"""Settings below these have names that the user chooses, or an installed package."""
WORD = re.compile(r"(\+{0,2})([^=~+][^=]*)=(.*)", re.DOTALL)
QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
FUNCTION = re.compile(r"\s*(choice|range|interval|glob|sort|shuffle|tag)\s*\(.*\)\s*", re.DOTALL)
"""Values that Hydra's grammar makes a sweep of."""
BRACKETS = dict(zip(")]}", "([{", strict=True))
HYDRA_TEXTS = ("hydra.sweeper.storage", "hydra.sweeper.study_name")
"""Settings of a search that take text."""
PATH_ENDS = ("path", "prompt_file")
"""Ends of the settings that name files."""


def write_words(words: Sequence[str], *, multirun: bool = False) -> list[str]:
    """Return the words in Hydra's grammar, with '++' before settings that no file in conf/ names.

    Words that are written already stay as they are; so do those that the grammar itself must refuse.

    Args:
        words: as typed.
        multirun: whether commas outside of quotes and brackets stand between the values of a sweep.

    >>> write_words(["name=3.10", "sampling.prompt=to be, or not", "seed=1", "tracking.tags.team=a"])
    ["name='3.10'", "sampling.prompt='to be, or not'", 'seed=1', "++tracking.tags.team='a'"]
    >>> write_words(["name=a,1e5", "seed=1,2"], multirun=True)
    ["name='a','1e5'", 'seed=1,2']
    """
    return [_write_word(word, multirun) for word in words]


def show_word(word: str) -> str:
    """Return a word of Hydra's grammar as a person types it: without '+' and without quotes around text.

    >>> show_word("++tracking.tags.team='a b'")
    'tracking.tags.team=a b'
    """
    parts = WORD.fullmatch(word)
    if parts is None or not {str, list[str]}.intersection(_find_kinds(parts[2])):
        return word.lstrip("+")
    value = parts[3]
    is_list = value[:1] + value[-1:] == "[]"
    elements = split_elements(value[1:-1] if is_list else value)
    shown = ",".join(map(unquote, elements)).replace("\\${", "${") if elements else value
    return f"{parts[2]}={f'[{shown}]' if is_list and elements else shown}"


def quote_twice(key: str, text: str) -> str:
    """Return the word that gives a setting this very text: for a shell, and as a string of Python.

    >>> print(quote_twice("dataset.path", "a, ${b}.txt"))
    'dataset.path="a, \\${b}.txt"'
    """
    mark = "'" if '"' in text and "'" not in text else '"'
    return shlex.quote(f"{key}={_quote(escape_references(text), mark)}")


def escape_references(text: str) -> str:
    r"""Return the text so that none of its `${` refers to a setting.

    >>> print(escape_references("${a}"))
    \${a}
    """
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def unquote(text: str) -> str:
    """Return the text without the quotes around all of it, if there are any, as Hydra reads it.

    >>> unquote('"a, b"'), unquote("it's"), unquote('"a" and "b"')
    ('a, b', "it's", '"a" and "b"')
    """
    if not QUOTED.fullmatch(text):
        return text
    inner = re.sub(rf"\\+(?={text[0]}|\Z)", lambda found: found[0][: len(found[0]) // 2], text[1:-1])
    return inner


def takes_text(key: str) -> bool:
    """Return whether a setting takes text or nothing else but null."""
    return str in _find_kinds(key)


def takes_list(key: str) -> bool:
    """Return whether a setting takes several texts."""
    return list[str] in _find_kinds(key)


def takes_whole_numbers(key: str) -> bool:
    """Return whether a setting takes whole numbers and no others."""
    kinds = _find_kinds(key)
    return int in kinds and float not in kinds


def names_path(key: str) -> bool:
    """Return whether a setting names a file."""
    return key.endswith(PATH_ENDS) and takes_text(key)


def has_references(text: str) -> bool:
    """Return whether a text has references that can be read; a `${` that begins none is text like any other."""
    if "${" not in text:
        return False
    try:
        OmegaConf.create({"text": text})
    except (OmegaConfBaseException, RecursionError):
        return False
    return True


def split_elements(text: str) -> list[str] | None:
    """Return the elements between commas that stand outside of quotes and brackets; None: those are not in pairs.

    >>> split_elements("a, b (1, 2),'c, d'")
    ['a', 'b (1, 2)', "'c, d'"]
    """
    elements, opened, start, place, is_fresh = [], [], 0, 0, True
    while place < len(text):
        char = text[place]
        if is_fresh and char in "'\"":
            found = QUOTED.match(text, place)
            if found is None:
                return None
            place, is_fresh = found.end(), False
            continue
        if char in BRACKETS.values():
            opened.append(char)
        elif char in BRACKETS and (not opened or opened.pop() != BRACKETS[char]):
            return None
        elif char == "," and not opened:
            elements.append(text[start:place].strip())
            start = place + 1
        is_fresh = char in ",:([{" or (is_fresh and char.isspace())
        place += 2 if char == "\\" else 1
    return None if opened else [*elements, text[start:].strip()]


def _write_word(word: str, multirun: bool) -> str:
    parts = WORD.fullmatch(word)
    if parts is None:
        return word
    plus, key, value = parts.groups()
    free = (*FREE_KEYS, *(each[:-1] for each in FREE_KEYS))
    if not plus and (key in free or key.startswith(FREE_KEYS)):
        plus = "++"
    kinds = _find_kinds(key)
    is_bracketed = value.strip()[:1] + value.strip()[-1:]
    if names_path(key) and value != "null" and os.path.lexists(value):
        written: str | None = write_text(escape_references(value))  # a file of that very name
    elif list[str] in kinds and is_bracketed == "[]":
        written = _write_all(value, multirun, _write_list)
    elif dict[str, str] in kinds and is_bracketed == "{}":
        written = _write_all(value, multirun, _write_table)
    elif str in kinds or list[str] in kinds:
        written = _write_all(value, multirun, _write_swept if multirun and "," in value else _write_element)
    else:
        written = None
    return f"{plus}{key}={value if written is None else written}"


def _write_all(value: str, multirun: bool, write: Callable[[str], str | None]) -> str | None:
    """Return the value, or the values of a sweep, written one by one; None: Hydra's grammar must rule."""
    if multirun and FUNCTION.fullmatch(value):
        return None
    elements = split_elements(value) if multirun and "," in value else [value]
    return None if elements is None else _join([write(element) for element in elements])


def _write_swept(text: str) -> str | None:
    """Write a value of a sweep; None: it has a comma in brackets, to Hydra's grammar a list."""
    if QUOTED.fullmatch(text):
        return _write_element(text)
    return None if re.search(r"(?<!\\),", text) else _write_element(text.replace("\\,", ","))


def _write_element(text: str) -> str:
    if text == "null":
        return text
    return write_text(unquote(text) if has_references(unquote(text)) else escape_references(unquote(text)))


def _write_list(value: str) -> str | None:
    elements = split_elements(value.strip()[1:-1])
    if elements in (None, [""]):
        return None if elements is None else "[]"
    return f"[{_join([_write_element(element) for element in elements or []])}]"


def _write_table(value: str) -> str | None:
    elements = split_elements(value.strip()[1:-1])
    if elements in (None, [""]):
        return None if elements is None else "{}"
    written = []
    for element in elements or []:
        key, colon, text = element.partition(":")
        if not colon or element[:1] in "'\"" or text.strip()[:1] in ("[", "{"):
            return None
        written.append(f"{key.strip()}:{_write_element(text.strip())}")
    return "{" + ",".join(written) + "}"


def _join(written: Sequence[str | None]) -> str | None:
    return None if None in written else ",".join(each for each in written if each is not None)


def write_text(text: str) -> str:
    r"""Return the text in quotes of Hydra's grammar.

    >>> print(write_text("it's"))
    'it\'s'
    """
    return _quote(text, "'")


def _quote(text: str, mark: str) -> str:
    doubled = re.sub(rf"(\\+)(?={mark}|\Z)", r"\1\1", text)
    return mark + doubled.replace(mark, "\\" + mark) + mark


def _find_kinds(key: str) -> tuple[Any, ...]:
    """Return the types of a setting's values; of one that the user or a package names, too."""
    if key.startswith("tracking.tags.") or key in HYDRA_TEXTS:
        return (str,)
    if key.startswith(FREE_KEYS):
        try:
            offered = find_offered(key)
        except UserError:  # told by the checks
            return ()
        return () if offered is None else (offered.kind,)
    return _kinds_by_key().get(key, ())


@cache
def _kinds_by_key() -> dict[str, tuple[Any, ...]]:
    return _list_kinds(Config, "")


def _list_kinds(section: Any, prefix: str) -> dict[str, tuple[Any, ...]]:
    kinds: dict[str, tuple[Any, ...]] = {}
    for field in fields(section):
        if is_dataclass(field.type):
            kinds |= _list_kinds(field.type, f"{prefix}{field.name}.")
        elif prefix + field.name not in CHOICES_OF:
            kind: Any = field.type
            kinds[prefix + field.name] = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return kinds
