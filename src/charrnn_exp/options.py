"""Options that name themselves: a declaration in a file of ours, or behind an entry point of an installed package.

A cell, a filter or a verb is one module that holds one declaration. Whatever must know all of them (checks, help,
completion, tests, fuzz) asks the registry; nothing else lists them. Declarations import neither TensorFlow nor Keras.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from charrnn_exp.errors import UserError, one_line


class Declaration(Protocol):
    """What every declaration has: the name by which a user chooses it."""

    @property
    def name(self) -> str: ...


Declared = TypeVar("Declared", bound=Declaration)


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
    """The options of one kind: our own by their files, then those of installed packages by their entry points.

    Our own are imported when they are first asked for, those of packages only when they are chosen or described.

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
    def own(self) -> dict[str, Declared]:
        """Our own declarations by name, in the order of their names."""
        package = importlib.import_module(self._folder)
        modules = (importlib.import_module(f"{self._folder}.{m.name}") for m in pkgutil.iter_modules(package.__path__))
        declared = [vars(module)[self._attribute] for module in modules if self._attribute in vars(module)]
        return {each.name: each for each in sorted(declared, key=lambda each: each.name)}

    @cached_property
    def _points(self) -> dict[str, list[EntryPoint]]:
        points: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self.group) if self.group else ():
            points.setdefault(point.name, []).append(point)
        return points

    def __contains__(self, name: object) -> bool:
        """Return whether there is an option of that name; packages are looked at only where it is not our own."""
        return isinstance(name, str) and (name in self.own or name in self._points)

    def list_names(self) -> list[str]:
        """Return all names: our own, then those of installed packages, whether or not these can be loaded."""
        return [*self.own, *sorted(set(self._points) - set(self.own))]

    def find_origin(self, name: str) -> Origin | None:
        """Return the installed package that offers an option; None: it is our own, or there is no such option."""
        return None if name in self.own or name not in self._points else _find_origin(self._points[name][0])

    def find(self, name: str) -> Declared:
        """Return the declaration of an option.

        Raises:
            UserError: if there is none, two packages offer it, or the package that does cannot be loaded.
        """
        if name in self.own:
            return self.own[name]
        points = self._points.get(name, [])
        match points:
            case []:
                raise UserError(f"no installed package offers {name!r} in {self.group}. Install it again.")
            case [point]:
                return self._load(point)
            case _:
                origins = " and ".join(str(_find_origin(point)) for point in points)
                raise UserError(f"{name!r} must be offered by one package, got {origins}. Uninstall one of them.")

    def find_problems(self) -> Iterator[str]:
        """Yield a line for each option of an installed package that cannot be used, and the reason."""
        for name, points in self._points.items():
            if name in self.own:
                origins = " and ".join(str(_find_origin(point)) for point in points)
                yield f"{name!r} of {origins} is not used: charrnn_exp has one of that name."
                continue
            try:
                self.find(name)
            except UserError as error:
                yield one_line(error)

    def _load(self, point: EntryPoint) -> Declared:
        origin = _find_origin(point)
        try:
            declaration: Any = point.load()
        except Exception as error:  # whatever a package raises when it is imported
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(
                f"{point.name!r} of {origin} must be loadable, got {reason}. Mend or uninstall {origin.package}."
            ) from error
        if not isinstance(declaration, self._kind) or declaration.name != point.name:
            raise UserError(
                f"{point.name!r} of {origin} must be a {self._kind.__name__} of that name, got "
                f"{one_line(ValueError(repr(declaration)))[:100]}. Mend or uninstall {origin.package}."
            )
        return declaration


def _find_origin(point: EntryPoint) -> Origin:
    distribution = point.dist
    return Origin("unknown", "?") if distribution is None else Origin(distribution.name, distribution.version)
