"""The kinds of options that installed packages may offer, and the settings that choose them."""

from typing import Any

from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.options import Registry, Setting
from charrnn_exp.sampling.filters.registry import FILTERS

OFFERED: dict[str, Registry[Any]] = {"model.cell=": CELLS, "sampling.extra.": FILTERS}
"""All registries with entry points, by the start of the setting that chooses one of their options."""


def list_offered_keys() -> list[str]:
    """Return the dotted keys of the settings that installed packages bring along; a cell's are not listed."""
    return [f"sampling.extra.{name}" for name in FILTERS.list_offered()]


def find_offered(key: str) -> Setting | None:
    """Return the setting that an installed package brings along under a dotted key; None: there is none.

    Raises:
        UserError: if a package offers the option and it cannot be used.
    """
    match key.split("."):
        case ["sampling", "extra", name] if name in FILTERS.list_offered():
            return FILTERS.find(name)
        case ["model", "extra", name, last] if name in CELLS:
            return next((setting for setting in CELLS.find(name).settings if setting.name == last), None)
    return None
