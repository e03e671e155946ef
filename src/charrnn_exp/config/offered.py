"""The kinds of options that installed packages may offer, and the settings that choose them."""

from typing import Any

from charrnn_exp.options import Registry
from charrnn_exp.sampling.filters.registry import FILTERS

OFFERED: dict[str, Registry[Any]] = {"sampling.extra.": FILTERS}
"""All registries with entry points, by the start of the setting that chooses one of their options."""


def list_offered_keys() -> list[str]:
    """Return the dotted keys of what installed packages offer, whether or not it can be used."""
    return [f"{prefix}{name}" for prefix, registry in OFFERED.items() for name in registry.list_offered()]
