"""The settings of our launchers on clusters: conf/hydra/launcher/, typed and checked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from importlib.util import find_spec
from typing import Any

from charrnn_exp.config.overrides import suggest
from charrnn_exp.config.reading import read_section
from charrnn_exp.errors import UserError

GROUP = "hydra/launcher"
PREFIX = "hydra.launcher."
HOST = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:@+&|*()=-]*")
"""A text of Slurm's: no blank and no end of a line, since it becomes part of a script."""


class Cluster(Enum):
    """The queue that submitit submits to."""

    slurm = "slurm"
    local = "local"


@dataclass(kw_only=True, slots=True)
class RayConfig:
    """A sweep on Ray."""

    address: str | None
    """HOST:PORT of the cluster; null: RAY_ADDRESS, else a Ray of the sweep's own."""


@dataclass(kw_only=True, slots=True)
class SlurmConfig:
    """A sweep on Slurm."""

    cluster: Cluster
    """slurm or local."""
    partition: str | None
    """Of Slurm; null: the cluster's own."""
    account: str | None
    """Of Slurm; null: the cluster's own."""
    qos: str | None
    """Of Slurm; null: the cluster's own."""
    constraint: str | None
    """Features of a node, as sbatch takes them; null: any."""
    timeout_min: int
    """Minutes after which Slurm stops a job, at least 1."""
    mem_gb: int | None
    """GB of memory a job, at least 1; null: the cluster's own."""
    setup: list[str] | None
    """Commands that a job runs first."""
    python: str | None
    """Command that starts Python in a job; null: the Python of this process."""
    additional_parameters: dict[str, Any]
    """Further options of sbatch by name."""


LauncherConfig = RayConfig | SlurmConfig
KINDS: dict[str, tuple[type[LauncherConfig], str, str]] = {
    "ray": (RayConfig, "ray", "Ray"),
    "slurm": (SlurmConfig, "submitit", "submitit"),
}
"""Our options of the group hydra/launcher: their settings, and the package that each needs."""
FROM_FILES = frozenset(
    f"{PREFIX}{name}" for name in ("cluster", "partition", "account", "qos", "constraint", "timeout_min", "mem_gb")
)
"""Settings of launchers that a file may have: they name no command, program, package, environment or machine."""


def require_package(option: str) -> None:
    """Raise UserError if the package that one of our launchers needs is not installed."""
    _, package, title = KINDS[option]
    if find_spec(package) is None:
        raise UserError(f'{GROUP}={option} needs {title}: python -m pip install "charrnn_exp[{option}]"')


def read_launcher(option: str | None, values: Mapping[str, Any]) -> LauncherConfig | None:
    """Turn the plain values below `hydra.launcher` into typed, checked settings; None: the launcher is not ours.

    Raises:
        UserError: with a line for each unknown, missing, ill-typed or wrong one, or if its package is not installed.
    """
    if option not in KINDS:
        return None
    require_package(option)
    kind = KINDS[option][0]
    problems = list(_find_unknown(values, kind))
    config: Any = None
    try:
        config = read_section(values, kind, PREFIX)
        problems += _find_problems(config)
    except UserError as error:
        problems += error.lines
    if problems:
        raise UserError(*problems)
    return config  # type: ignore[no-any-return]


def _find_unknown(values: Mapping[str, Any], kind: type[LauncherConfig]) -> Iterator[str]:
    known = [PREFIX + field.name for field in fields(kind)]
    for name, value in values.items():
        if PREFIX + name not in known:
            hint = suggest(PREFIX + name, known) or f". Known: {', '.join(field.name for field in fields(kind))}."
            yield f"unknown setting {PREFIX + name!r}{hint}"
        elif "${" in str(value):
            yield f"{PREFIX}{name} must hold no reference, got {value!r}."


def _find_problems(config: LauncherConfig) -> Iterator[str]:
    match config:
        case RayConfig(address=address):
            if address is not None and not HOST.fullmatch(address):
                yield f"{PREFIX}address must be HOST:PORT of a Ray cluster, got {address!r}."
        case SlurmConfig():
            for name in ("partition", "account", "qos", "constraint"):
                text = getattr(config, name)
                if text is not None and not NAME.fullmatch(text):
                    yield f"{PREFIX}{name} must be a word as sbatch takes it, got {text!r}."
            if not config.timeout_min >= 1:
                yield f"{PREFIX}timeout_min must be at least 1, got {config.timeout_min}."
            if config.mem_gb is not None and not config.mem_gb >= 1:
                yield f"{PREFIX}mem_gb must be at least 1, got {config.mem_gb}."
