"""Conversion between plain values, as in YAML, and the typed, checked Config."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, make_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args

import yaml
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from charrnn_exp.config.checks.whole import find_problems
from charrnn_exp.config.choices import CHOICES_OF, list_choices
from charrnn_exp.config.overrides import list_settings, suggest
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import read_text

TEXTS = str | list[str] | None
"""The type of a setting that is one text or several."""
MAX_NODES = 100_000
"""Values in a YAML file."""
NESTING = "[{-?:"
"""Each level of YAML's nesting takes one of these characters."""
MAX_FAST_NESTING = 1_000
"""Most levels that the loader in C is given: deeper nesting ends the process, at some 50,000."""


def read_config(values: Mapping[str, Any], *, fallback: Mapping[str, Any] | None = None) -> Config:
    """Turn plain values into a typed Config.

    Args:
        values: by group and name, as YAML holds them.
        fallback: valid values that stand in for ill-typed ones, so that the rest is still checked; null: the
            ranges are checked only when all types are right.

    Raises:
        UserError: with a line for every unknown, missing, ill-typed or out-of-range setting.
    """
    problems = list(_unknown_problems(values, Config, ""))
    typed = _read_section(values, Config, "", problems, fallback)
    if problems and fallback is None:
        raise UserError(*problems)
    config: Config = _build(Config, typed)
    told = {line.partition(" ")[0] for line in problems}
    problems += [line for line in find_problems(config) if line.partition(" ")[0] not in told]
    if problems:
        raise UserError(*problems)
    return config


def read_section(values: Mapping[str, Any], section: Any, prefix: str) -> Any:
    """Turn plain values into a dataclass of settings that are no part of the Config; ranges are not checked.

    Args:
        values: by name; unknown ones are ignored.
        section: the dataclass.
        prefix: of its settings, with a dot at its end.

    Raises:
        UserError: with a line for every missing or ill-typed setting.
    """
    problems: list[str] = []
    typed = _read_section(values, section, prefix, problems, None)
    if problems:
        raise UserError(*problems)
    return _build(section, typed)


def to_values(config: Config) -> dict[str, Any]:
    """Return the Config as plain values, enums by their names, as in `config.yaml`."""
    return {field.name: _plain(getattr(config, field.name)) for field in fields(config)}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted key.

    >>> flatten({"model": {"dropout": 0.1}, "seed": 1})
    {'model.dropout': 0.1, 'seed': 1}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of plain values with the safe loader: no tag can name code.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        container = _load(read_text(path))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path.absolute()} must be a readable YAML file, got: {one_line(error)}") from error
    if not isinstance(container, dict):
        raise UserError(f"{path.absolute()} must hold settings by name, got {type(container).__name__}.")
    return {str(key): value for key, value in container.items()}


def check_size(text: str, root: yaml.Node | None = None) -> None:
    """Refuse YAML that is small on disk and not in memory: aliases of aliases.

    Args:
        text: of the file.
        root: its nodes; None: they are composed here.

    Raises:
        ValueError: if it has more than `MAX_NODES` values with its aliases written out.
        yaml.YAMLError: if it is not YAML.
    """
    sizes: dict[int, int] = {}

    def measure(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MAX_NODES  # of one that holds itself
            inner = node.value if isinstance(node, yaml.CollectionNode) else []
            parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
            sizes[id(node)] = 1 + sum(map(measure, parts))
        return sizes[id(node)]

    root = yaml.compose(text, Loader=yaml.SafeLoader) if root is None else root
    if root is not None and measure(root) > MAX_NODES:
        raise ValueError(f"more than {MAX_NODES} values")


def _load(text: str) -> Any:
    """Return the content of a YAML text by the safe loader; by its C twin, 20 times as fast, where that is safe."""
    if hasattr(yaml, "CSafeLoader") and sum(map(text.count, NESTING)) <= MAX_FAST_NESTING:
        with suppress(yaml.YAMLError, ValueError, RecursionError):  # the other loader says what is wrong
            loader = yaml.CSafeLoader(text)
            try:
                root = loader.get_single_node()
                if "*" in text or len(text) > MAX_NODES:  # without aliases, no more values than characters
                    check_size(text, root)
                return None if root is None else loader.construct_document(root)
            finally:
                loader.dispose()
    check_size(text)
    return yaml.safe_load(text)


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return the values as YAML text."""
    text: str = yaml.safe_dump(dict(values), sort_keys=False)
    return text


def merge_overrides(values: Mapping[str, Any], overrides: Sequence[Override]) -> dict[str, Any]:
    """Return the values with each override's value put in its place."""
    merged = copy.deepcopy(dict(values))
    for override in overrides:
        *groups, name = override.key_or_group.split(".")
        place = merged
        for group in groups:
            if not isinstance(place.get(group), dict):
                place[group] = {}  # read_config reports its missing settings
            place = place[group]
        place[name] = override.value()
    return merged


def _unknown_problems(values: Mapping[str, Any], section: Any, prefix: str) -> Iterator[str]:
    known = {field.name: field.type for field in fields(section)}
    for key, value in values.items():
        kind = known.get(key)
        if kind is None:
            yield f"unknown setting {prefix + str(key)!r}{suggest(prefix + str(key), list_settings()) or '.'}"
        elif is_dataclass(kind) and isinstance(value, Mapping):
            yield from _unknown_problems(value, kind, f"{prefix}{key}.")


def _read_section(
    values: Any, section: Any, prefix: str, problems: list[str], fallback: Mapping[str, Any] | None
) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        problems.append(f"{prefix.rstrip('.')} must be a group of settings, got {values!r}.")
        values = fallback or {}
    typed: dict[str, Any] = {}
    for field in fields(section):
        key, kind = prefix + field.name, field.type
        spare = None if fallback is None else fallback[field.name]
        if field.name not in values:
            problems.append(f"{key} must be set, got nothing. Its values stand in conf/.")
            value = spare
        else:
            value = values[field.name]
        if is_dataclass(kind):
            typed[field.name] = _read_section(value, kind, key + ".", problems, spare)
            continue
        lines = list(_text_problems(key, kind, value)) if field.name in values else []
        problems += lines
        try:
            typed[field.name] = _convert(spare if lines else value, key, kind)
        except (OmegaConfBaseException, ValueError, OverflowError):
            if field.name in values and not lines:
                problems.append(f"{key} must be {_describe(key, kind)}, got {_show(key, value, kind)}")
            if spare is not None or fallback is not None:
                typed[field.name] = _convert(spare, key, kind)
    return typed


def _text_problems(key: str, kind: Any, value: Any) -> Iterator[str]:
    """Yield a line for a number or truth value where text belongs, and for text that no file can hold.

    YAML makes 3.1 of 3.10 and false of no, so that the text which was meant is lost.
    """
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    match value:
        case bool() | int() | float() if str in kinds and key not in CHOICES_OF:
            yield f"{key} must be {_describe(key, kind)}, got {value!r}. Put it in quotes."
        case str() if any("\ud800" <= char <= "\udfff" for char in value):
            yield f"{key} must be text, got {value!r}, which no file can hold."
        case list() if list[str] in kinds:
            for i, each in enumerate(value):
                yield from _text_problems(f"{key}[{i}]", str, each)
        case Mapping() if dict[str, str] in kinds:
            for name, each in value.items():
                yield from _text_problems(f"{key}.{name}", str, each)


def _convert(value: Any, key: str, kind: Any) -> Any:
    """Convert a value to the type of its setting by OmegaConf's rules; for a bool, take only True and False."""
    if value is None and NoneType in get_args(kind):
        return None
    if kind is bool and not isinstance(value, bool):
        raise ValidationError
    if key in CHOICES_OF and value not in CHOICES_OF[key]:
        raise ValidationError
    if isinstance(value, str) and "$" in value and kind not in (str, str | None, TEXTS):
        raise ValidationError  # to OmegaConf a reference, which may read the environment
    if type(value) in (get_args(kind) if isinstance(kind, UnionType) else (kind,)):
        return value  # text as it stands: to OmegaConf '${x}' would be a reference and '???' a hole
    if kind == TEXTS and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    # On its own: OmegaConf knows no field that is one text or a list of them.
    name = key.rpartition(".")[2]
    node = OmegaConf.structured(make_dataclass("Field", [(name, str | None if kind == TEXTS else kind)]))
    node[name] = value
    typed = node[name]
    return OmegaConf.to_container(typed) if OmegaConf.is_config(typed) else typed


def _describe(key: str, kind: Any) -> str:
    if choices := list_choices(key, kind):
        return f"one of {', '.join(choices)}"
    if kind == TEXTS:
        return "text, a list of words or null"
    options = [option for option in get_args(kind) if option is not type(None)]
    if isinstance(kind, UnionType):
        return f"{_describe(key, options[0])} or null"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list[str]: "a list of words"}
    return names.get(kind, "values by name" if kind == dict[str, Any] else "text by name")


def _show(key: str, value: Any, kind: Any) -> str:
    hint = suggest(str(value), list_choices(key, kind)) or "."
    return f"{'null' if value is None else repr(value)}{hint}"


def _build(section: Any, typed: Mapping[str, Any]) -> Any:
    kinds = {field.name: field.type for field in fields(section)}
    return section(
        **{name: _build(kinds[name], value) if is_dataclass(kinds[name]) else value for name, value in typed.items()}
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value.name if isinstance(value, Enum) else value
