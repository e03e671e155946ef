"""References: `${...}` in a setting stands for the value of another setting, and for nothing else."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

from charrnn_exp.config.reading import flatten
from charrnn_exp.config.schema import Config
from charrnn_exp.config.words import escape_references, has_references, names_path, quote_twice, takes_text
from charrnn_exp.errors import UserError, one_line

RESOLVERS: dict[str, Callable[..., Any]] = {
    "oc.env": oc.env,
    "oc.decode": oc.decode,
    "oc.create": oc.create,
    "oc.select": oc.select,
    "oc.deprecated": oc.deprecated,
    "oc.dict.keys": oc.dict.keys,
    "oc.dict.values": oc.dict.values,
}
"""OmegaConf's resolvers in `${...}`: they read the environment and make values of text."""


def resolve_values(composed: DictConfig) -> dict[str, Any]:
    """Return composed settings as plain values; a `${...}` may only name another setting.

    A path that exists as it is written holds no reference, and a text that is one reference alone stays text.

    Raises:
        UserError: if a reference names no setting, with the way to write it as text.
    """
    as_written = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(as_written, dict)
    flat = flatten({str(key): value for key, value in as_written.items()})
    raw = {key: value for key, value in flat.items() if isinstance(value, str) and "${" in value}
    for key, value in raw.items():
        if names_path(key) and os.path.lexists(value):
            OmegaConf.update(composed, key, escape_references(value))
    try:
        with without_resolvers():
            container = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(_explain_reference(raw, error)) from error
    except RecursionError as error:
        keys = " and ".join(raw)
        raise UserError(f"{keys} must not refer to each other in a circle, got {', '.join(raw.values())}.") from error
    assert isinstance(container, dict)
    return {str(key): _keep_text(value, raw, str(key)) for key, value in container.items()}


def resolve_typed(values: Mapping[str, Any], typed: Collection[str]) -> dict[str, Any]:
    """Return plain values of which those typed may refer to others; all others are taken as they stand.

    Args:
        values: by group and name.
        typed: dotted keys of the settings that were typed.

    Raises:
        UserError: if a reference names no setting.
    """

    def escape(value: Any, key: str) -> Any:
        if key in typed:
            return value
        match value:
            case Mapping():
                return {name: escape(item, f"{key}.{name}".lstrip(".")) for name, item in value.items()}
            case list():
                return [escape(item, key) for item in value]
            case _:
                return escape_references(value) if isinstance(value, str) else value

    try:
        escaped = OmegaConf.create(escape(values, ""))
    except OmegaConfBaseException as error:
        raise UserError(f"the settings must compose, got: {one_line(error)}") from error
    return resolve_values(escaped)


def find_unreadable(path: Path, text: str) -> Iterator[str]:
    """Yield a line for each text in a YAML file that Hydra would not read: '???', and a '${' that begins no reference.

    Args:
        path: of the file, `GROUP/OPTION.yaml`.
        text: of the file.

    Raises:
        yaml.YAMLError: if it is not YAML.
    """
    values = yaml.safe_load(text)
    group = path.parent.name
    prefix = f"{group}." if group in {field.name for field in fields(Config)} else ""
    for key, value in flatten(values if isinstance(values, dict) else {}, prefix).items():
        if value == "???":
            way = "As text: './???'" if names_path(key) else "Choose another text."
            yield f"{key} must be set in {path}, got '???', which is Hydra's mark for nothing. {way}"
        if isinstance(value, str) and "${" in value and not has_references(value):
            yield f"{key} must close each '${{' in {path}, got {value!r}. As text: {_quote_in_yaml(value)}"


@contextmanager
def without_resolvers() -> Iterator[None]:
    """Allow only settings and Hydra's `${now:...}` in `${...}` within the context."""

    def refuse(*_: Any) -> NoReturn:
        raise ValueError("'${...}' may only name another setting, never read the environment or make values")

    for name in RESOLVERS:
        OmegaConf.register_new_resolver(name, refuse, replace=True)
    try:
        yield
    finally:
        for name, resolver in RESOLVERS.items():
            OmegaConf.register_new_resolver(name, resolver, replace=True)


def _keep_text(value: Any, raw: Collection[str], key: str) -> Any:
    """Return values of which a text that refers to a number is that number's text."""
    if isinstance(value, dict):
        return {name: _keep_text(item, raw, f"{key}.{name}") for name, item in value.items()}
    return str(value) if isinstance(value, bool | int | float) and key in raw and takes_text(key) else value


def _explain_reference(raw: dict[str, str], error: OmegaConfBaseException) -> str:
    """Return the line for a `${...}` that names no setting.

    Args:
        raw: the texts with references, by dotted key.
        error: of OmegaConf.
    """
    key = str(error.full_key or "")
    reason = one_line(ValueError(str(error.msg or error).splitlines()[0]))
    if key not in raw:
        return f"the settings must compose, got: {one_line(error)}"
    return f"{key} must refer to settings with ${{...}}, got {raw[key]!r} ({reason}).{_show_as_text(key, raw[key])}"


def _show_as_text(key: str, value: str) -> str:
    """Return the ways to give a setting a text with '${' in it, ready to paste; nothing for one that takes no text."""
    if not takes_text(key):
        return ""
    return f" As text, in YAML {_quote_in_yaml(value)}, in a word: {quote_twice(key, value)}"


def _quote_in_yaml(value: str) -> str:
    return "'" + escape_references(value).replace("'", "''") + "'"
