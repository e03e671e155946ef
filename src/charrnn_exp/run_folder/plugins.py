"""The installed packages whose options a run uses, with their versions; most runs use none."""

from collections.abc import Mapping
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import UserError
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.options import Registry
from charrnn_exp.sampling.filters.registry import FILTERS

REGISTRIES: dict[str, Registry[Any]] = {"model.cell": CELLS, "sampling.extra": FILTERS}
"""By the key that chooses an option, without its name."""


def list_plugins(config: Config) -> dict[str, str]:
    """Return package and version of the options that installed packages offer, by `KEY.NAME` of each."""
    filters = [name for name, value in config.sampling.extra.items() if value is not None]
    chosen = {"model.cell": [config.model.cell], "sampling.extra": filters}
    origins = {f"{key}.{name}": REGISTRIES[key].find_origin(name) for key, names in chosen.items() for name in names}
    return {key: str(origin) for key, origin in origins.items() if origin is not None}


def check_plugins(plugins: Mapping[str, str]) -> None:
    """Check that the packages of a run are still installed; another version of one is accepted.

    Raises:
        UserError: with a line for each option that no installed package offers, naming package and version.
    """
    lines = []
    for key, origin in plugins.items():
        group, _, name = key.rpartition(".")
        if group in REGISTRIES and name not in REGISTRIES[group].list_offered():
            package, _, version = origin.partition(" ")
            lines.append(
                f"{key} must be offered by {origin}, with which the run was made, got no such package. "
                f"Install {package}=={version}."
            )
    if lines:
        raise UserError(*lines)
