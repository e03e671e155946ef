"""The folder of the YAML groups, and their options."""

from collections.abc import Sequence
from pathlib import Path

BASE = "base"
"""Folder of the common values of each group; its files are not options."""


def find_conf_folder() -> Path:
    """Return the absolute folder of the YAML files: inside the package (wheel) or beside src/ (checkout)."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def list_groups(conf_folders: Sequence[Path]) -> dict[str, list[str]]:
    """Return the options of every config group by its name; `base`, the common values, is no group."""
    groups: dict[str, set[str]] = {}
    for conf_folder in conf_folders:
        for path in sorted(conf_folder.glob("*/*.yaml")):
            if path.parent.name == BASE:
                continue
            groups.setdefault(path.parent.name, set()).add(path.stem)
    return {name: sorted(options) for name, options in sorted(groups.items())}
