"""Registries of options: each is declared in a module of ours or by an entry point of an installed package.

A cell, a filter or a verb is one module that holds one declaration. Checks, help, completion, tests and fuzz ask the
registry; nothing else lists options. Declarations import neither TensorFlow nor Keras.
"""

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from charrnn_exp.errors import UserError, one_line

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names that stand between the dots of a setting."""


class Declaration(Protocol):
    """A declaration has the name by which a user chooses it."""

    @property
    def name(self) -> str: ...


Declared = TypeVar("Declared", bound=Declaration)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value that an option takes.

    Args:
        name: of the value, below the option or its group.
        meaning: one sentence with unit and range, and with the meaning of null where that is a value.
        source: paper or program that it comes from.
        kind: int, float, bool or str.
        default: where nothing is set; None: null is a value, too.
        find_problem: returns the words after "must be" for a value of that kind which is not allowed, else None.
        valid: values that are allowed, those at the borders among them; the tests and the fuzz try them.
        invalid: values of that kind that are not.
    """

    name: str
    meaning: str
    source: str = ""
    kind: type
    default: Any = None
    find_problem: Callable[[Any], str | None]
    valid: tuple[Any, ...]
    invalid: tuple[Any, ...]

    def read(self, value: Any) -> Any:
        """Return a plain value as one of the setting's kind; a whole number is a number.

        Raises:
            ValueError: if it is of another kind.
            OverflowError: if no float is as large.
        """
        number = type(value) in (int, float) and self.kind is float
        if not number and type(value) is not self.kind:
            raise ValueError(f"not of type {self.kind.__name__}")
        return self.kind(value)


def read_settings(settings: tuple[Setting, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an option's settings, with defaults for those not set.

    Args:
        settings: as declared.
        values: that passed the checks.
    """
    found = {setting.name: (setting, values.get(setting.name)) for setting in settings}
    return {name: setting.default if value is None else setting.read(value) for name, (setting, value) in found.items()}


@dataclass(frozen=True)
class Origin:
    """The installed package that offers an option.

    Args:
        package: name of the distribution.
        version: of it.
    """

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


class Registry(Generic[Declared]):
    """The options of one kind: built-in ones by their modules, others by entry points of installed packages.

    Built-in ones are imported at the first use, others only when they are chosen or described.

    Args:
        folder: package of ours with a module for each option.
        attribute: name of the declaration in a module.
        kind: class of a declaration.
        group: entry points of installed packages; None: packages can offer none.
    """

    def __init__(self, folder: str, attribute: str, kind: type[Declared], group: str | None = None) -> None:
        self.group = group
        self._folder, self._attribute, self._kind = folder, attribute, kind

    @cached_property
    def built_in(self) -> dict[str, Declared]:
        """The built-in declarations by name, sorted."""
        package = importlib.import_module(self._folder)
        names = (f"{self._folder}.{module.name}" for module in pkgutil.iter_modules(package.__path__))
        found = [vars(importlib.import_module(name))[self._attribute] for name in names if self._declares(name)]
        return {each.name: each for each in sorted(found, key=lambda each: each.name)}

    def _declares(self, module: str) -> bool:
        """Return whether a module declares an option, from its source: others of the folder need no import."""
        loader: Any = getattr(importlib.util.find_spec(module), "loader", None)
        return re.search(rf"^{self._attribute} = ", loader.get_source(module) or "", re.MULTILINE) is not None

    @cached_property
    def _points(self) -> dict[str, list[Any]]:
        """Entry points by name; importlib.metadata, which is slow, is imported only where there are any."""
        points: dict[str, list[Any]] = {}
        if self.group is not None and _is_offered(self.group):
            from importlib.metadata import entry_points

            for point in entry_points(group=self.group):
                points.setdefault(point.name, []).append(point)
        return points

    def __contains__(self, name: object) -> bool:
        """Return whether there is an option of that name; packages are searched only if it is not built in."""
        return isinstance(name, str) and (name in self.built_in or name in self._points)

    def list_names(self) -> list[str]:
        """Return all names: built-in ones, then those of installed packages, loadable or not."""
        return [*self.built_in, *self.list_offered()]

    def list_offered(self) -> list[str]:
        """Return the names that only installed packages offer, loadable or not."""
        return sorted(set(self._points) - set(self.built_in)) if self._points else []

    def find_origin(self, name: str) -> Origin | None:
        """Return the installed package that offers an option; None: it is built in or does not exist."""
        return None if name in self.built_in or name not in self._points else _find_origin(self._points[name][0])

    def find(self, name: str) -> Declared:
        """Return the declaration of an option.

        Raises:
            UserError: if there is none, two packages offer it, or the package that does cannot be loaded.
        """
        if name in self.built_in:
            return self.built_in[name]
        points = self._points.get(name, [])
        match points:
            case []:
                raise UserError(f"{name!r} must be offered by an installed package, got none in {self.group}.")
            case [point]:
                return self._load(point)
            case _:
                origins = " and ".join(sorted(str(_find_origin(point)) for point in points))
                raise UserError(f"{name!r} must be offered by one package, got {origins}. Uninstall one of them.")

    def find_problem(self, name: str) -> str | None:
        """Return the reason why a package's option cannot be used; None: it can, or no package offers it."""
        if name not in self._points:
            return None
        if name in self.built_in:
            origins = " and ".join(sorted(str(_find_origin(point)) for point in self._points[name]))
            return f"{name!r} of {origins} is not used: charrnn_exp has one of that name."
        try:
            self.find(name)
        except UserError as error:
            return one_line(error)
        return None

    def find_problems(self) -> dict[str, str]:
        """Return the unusable options of installed packages by name, each with the reason as one line."""
        return {name: line for name in sorted(self._points) if (line := self.find_problem(name)) is not None}

    def _load(self, point: Any) -> Declared:
        origin = _find_origin(point)
        try:
            declaration: Any = point.load()
        except (Exception, SystemExit) as error:  # whatever a package raises when it is imported
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(
                f"{point.name!r} of {origin} must be loadable, got {reason}. Mend or uninstall {origin.package}."
            ) from error
        if not isinstance(declaration, self._kind) or declaration.name != point.name:
            raise UserError(
                f"{point.name!r} of {origin} must be a {self._kind.__name__} of that name, got "
                f"{one_line(ValueError(repr(declaration)))[:100]}. Mend or uninstall {origin.package}."
            )
        if not NAME.fullmatch(point.name):
            raise UserError(
                f"{point.name!r} of {origin} must be a name of a-z, 0-9 and '_'. Mend or uninstall {origin.package}."
            )
        return declaration


def _is_offered(group: str) -> bool:
    """Return whether an installed package may offer options of a group, from the files of entry points alone."""
    for place in map(Path, sys.path):
        if place.is_file():  # an archive, which importlib.metadata can read
            return True
        try:
            installed = [each.path for each in os.scandir(place) if each.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for folder in installed:
            try:
                if f"[{group}]".encode() in Path(folder, "entry_points.txt").read_bytes():
                    return True
            except OSError:
                continue
    return False


def _find_origin(point: Any) -> Origin:
    distribution = point.dist
    return Origin("unknown", "?") if distribution is None else Origin(distribution.name, distribution.version)
