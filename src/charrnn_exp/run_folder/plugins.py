"""The installed packages whose options a run uses, with their versions, in `plugins.json`; most runs have none."""

import json
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import read_json, write_durably
from charrnn_exp.options import Origin, Registry
from charrnn_exp.sampling.filters.registry import FILTERS


def list_plugins(config: Config) -> dict[str, Origin]:
    """Return the packages that offer options which the settings choose, by the key that chooses each."""
    chosen = {name: value for name, value in config.sampling.extra.items() if value is not None}
    origins = {f"sampling.extra.{name}": FILTERS.find_origin(name) for name in chosen}
    return {key: origin for key, origin in origins.items() if origin is not None}


def write_plugins(path: Path, config: Config) -> None:
    """Write them down where there are any.

    Raises:
        OSError: if the file cannot be written.
    """
    if plugins := list_plugins(config):
        values = {key: {"package": each.package, "version": each.version} for key, each in plugins.items()}
        write_durably(path, json.dumps(values, indent=2) + "\n")


def check_plugins(path: Path) -> None:
    """Check that the packages of a run are still there; another version of one is taken as it is.

    Raises:
        UserError: with a line for each option that no installed package offers, naming the one that did.
        MachineError: if the file is not what a run writes.
    """
    lines = [
        f"{key} must be offered by {origin}, with which the run was made, got no such package. "
        f"Install {origin.package}=={origin.version}."
        for key, origin in _read_plugins(path).items()
        if not _is_offered(key)
    ]
    if lines:
        raise UserError(*lines)


def _read_plugins(path: Path) -> dict[str, Origin]:
    try:
        values: dict[str, Any] = read_json(path)
        return {key: Origin(str(each["package"]), str(each["version"])) for key, each in values.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MachineError(f"{path} must name packages, got {one_line(error)[:300]}. Move it away.") from error


def _is_offered(key: str) -> bool:
    group, _, name = key.rpartition(".")
    registry: Registry[Any] | None = {"sampling.extra": FILTERS}.get(group)
    return registry is None or name in registry.list_offered()
