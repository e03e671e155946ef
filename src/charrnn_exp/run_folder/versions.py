"""Versions of settings and of numerics: the meaning of runs from older programs.

A run records both numbers in `versions.json`; a run without that file is of version 1 of both. To change a setting,
raise `SETTINGS` and add an entry to `CHANGES` with the meaning for older runs; to change the arithmetic, raise
`NUMERICS`. Then add run folders of the version before by `tests/data/make_runs.py`. A new filter needs neither: runs
that lack it have it off.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import read_json
from charrnn_exp.sampling.filters.registry import FILTERS

SETTINGS = 7
"""Raised when a setting is added, renamed or changes its meaning; each such change is an entry of `CHANGES`."""
NUMERICS = 3
"""Raised when the arithmetic changes: sampler, validation, rounding, averages, order of sums."""
SCORED_BY_PARTS = 2
"""Numerics that first scored each part of a text from the first state; before, the parts were joined."""


@dataclass(frozen=True)
class Added:
    """A setting that older runs lack.

    Args:
        version: of the settings that first had it.
        key: dotted.
        meant: its value for a run from before it, or a function that finds it from the older settings by group.
        is_told: whether the user is told of it; not where it changes nothing for a single run.
    """

    version: int
    key: str
    meant: Any | Callable[[Mapping[str, Any]], Any]
    is_told: bool = True


@dataclass(frozen=True)
class Renamed:
    """A setting that older runs know by another name.

    Args:
        version: of the settings that first had the new name.
        old: dotted key.
        new: dotted key.
    """

    version: int
    old: str
    new: str


def _find_source(values: Mapping[str, Any]) -> str:
    """Return the source of the text of a run of version 1, which its name implied."""
    name = values["dataset"]["name"]
    return name if name in ("stdlib", "file") else "network"


def _find_of_text(field: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that finds a field of the installed text that a run of version 1 names; None: it has none."""

    def find(values: Mapping[str, Any]) -> Any:
        found = [text for text in list_installed_texts() if text.name == values["dataset"]["name"]]
        if field == "urls":
            return list(found[0].urls) if found else []
        return getattr(found[0], field) if found else None

    return find


CHANGES: tuple[Added | Renamed, ...] = (
    Added(2, "dataset.source", _find_source),
    Added(2, "dataset.urls", _find_of_text("urls")),
    Added(2, "dataset.num_bytes", _find_of_text("num_bytes")),
    Added(2, "dataset.checksum", _find_of_text("checksum")),
    Added(2, "dataset.member", _find_of_text("member")),
    Added(2, "model.extra", {}),
    Added(2, "sampling.extra", {}),
    Added(3, "dataset.val_path", None),
    Added(3, "dataset.test_path", None),
    Added(3, "dataset.errors", "strict"),
    Added(3, "dataset.newlines", "keep"),
    Added(4, "tracking.log_every_steps", 1),
    Added(5, "training.threads", None),
    Added(5, "sweep", {"jobs": None, "keep_going": True, "rerun": False, "dry_run": False}, is_told=False),
    Added(6, "dataset.lines", False),
    Added(6, "sampling.beams", None),
    Added(6, "sampling.stop", None),
    Added(6, "sampling.every_epochs", None),
    Added(6, "sampling.every_steps", None),
    Added(6, "tracking.views", None, is_told=False),
    Added(7, "model.weight_dropout", 0.0),
    Added(7, "training.parts", 1),
    Added(7, "training.devices", None),
)
"""In the order of their versions."""


@dataclass(frozen=True)
class Versions:
    """The versions that a run was made with.

    Args:
        settings: version of its settings.
        numerics: version of the arithmetic of its last session.
        plugins: package and version by option, of the options that installed packages offered it.
    """

    settings: int = SETTINGS
    numerics: int = NUMERICS
    plugins: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of `versions.json`."""
        values = {"settings": self.settings, "numerics": self.numerics, "plugins": dict(self.plugins)}
        return json.dumps(values, indent=2) + "\n"


def read_versions(path: Path) -> Versions:
    """Return the versions of a run; 1 and 1 where the file is missing.

    Raises:
        MachineError: if the file is damaged.
    """
    try:
        values = read_json(path)
    except FileNotFoundError:
        return Versions(settings=1, numerics=1)
    except (OSError, ValueError) as error:
        raise MachineError(
            f"cannot read {path} ({one_line(error)[:300]}): restore it from a copy of the run."
        ) from error
    for name in ("settings", "numerics"):
        number = values.get(name)
        if type(number) is not int or not number >= 1:
            raise MachineError(f"{path} is damaged: {name} is {str(number)[:100]!r}, not a number of at least 1.")
    plugins = values.get("plugins")
    if not isinstance(plugins, dict) or not all(isinstance(value, str) for value in plugins.values()):
        raise MachineError(f"{path} is damaged: plugins are {str(plugins)[:100]!r}, not packages by option.")
    return Versions(values["settings"], values["numerics"], plugins)


def check_age(version: int, *, name: str) -> None:
    """Refuse settings of a newer program.

    Args:
        version: of the settings.
        name: of the run, for the message.

    Raises:
        UserError: if they are newer than this program.
    """
    if version > SETTINGS:
        raise UserError(
            f"run {name} has settings version {version}, this program knows up to {SETTINGS}: "
            "install the newer charrnn_exp that made the run."
        )


def upgrade(
    values: Mapping[str, Any], version: int, *, changes: Sequence[Added | Renamed] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return settings of an older version with what they meant then, and a phrase for each that is changed.

    A setting that is there stays as it is, so upgrading twice changes nothing more; a group that is missing as a whole
    stays missing, for `read_config` to report. A filter that is missing is off, whatever the version.

    Args:
        values: by group and name.
        version: of the settings.
        changes: in the order of their versions; None: `CHANGES`.
    """
    upgraded, phrases = copy.deepcopy(dict(values)), []
    filters = (Added(version + 1, f"sampling.{name}", each.default) for name, each in FILTERS.built_in.items())
    for change in (*CHANGES, *filters) if changes is None else changes:
        if change.version <= version:
            continue
        match change:
            case Added(key=key, meant=meant, is_told=is_told):
                place, name = _find_place(upgraded, key)
                if place is not None and name not in place:
                    try:
                        place[name] = copy.deepcopy(meant(upgraded) if callable(meant) else meant)
                    except (KeyError, TypeError, AttributeError):  # of damaged settings, which read_config reports
                        continue
                    phrases += [f"{key} ({_show(place[name])})"] if is_told else []
            case Renamed(old=old, new=new):
                (source, old_name), (place, name) = _find_place(upgraded, old), _find_place(upgraded, new)
                if source is not None and place is not None and old_name in source and name not in place:
                    place[name] = source.pop(old_name)
                    phrases.append(f"{new} (then {old})")
    return upgraded, phrases


def _find_place(values: dict[str, Any], key: str) -> tuple[dict[str, Any] | None, str]:
    """Return the group that a key lies in, None where it is missing, and the key's name in it."""
    *groups, name = key.split(".")
    place: Any = values
    for group in groups:
        place = place.get(group) if isinstance(place, dict) else None
    return (place if isinstance(place, dict) else None), name


def _show(value: Any) -> str:
    return "off" if value is None or value is False or value in ({}, []) else str(value)
