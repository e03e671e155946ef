"""Checks of the settings of options from installed packages."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from charrnn_exp.config.overrides import suggest
from charrnn_exp.options import Declaration, Registry, Setting

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


class HasSettings(Declaration, Protocol):
    """A declaration that may have settings."""

    @property
    def settings(self) -> tuple[Setting, ...]: ...


def find_value_problems(key: str, setting: Setting, value: Any) -> Iterator[str]:
    """Yield a line if a setting does not take the value."""
    if value is None and setting.default is None:
        return
    try:
        read = setting.read(value)
        problem, shown = setting.find_problem(read), str(read)[:100]
    except (ValueError, OverflowError):
        problem = KINDS[setting.kind] + (" or null" if setting.default is None else "")
        shown = "null" if value is None else repr(value)[:100]
    if problem is not None:
        yield f"{key} must be {problem}, got {shown}."


def find_filter_problems(extra: Mapping[str, Any], filters: Registry[Any], *, prefix: str) -> Iterator[str]:
    """Yield the problems of the values of filters from installed packages.

    Args:
        extra: values by the name of a filter; null is off, whether or not a package offers the filter.
        filters: all that there are.
        prefix: of the keys, with its dot.
    """
    for name, value in extra.items():
        if value is None:
            continue
        key = prefix + str(name)
        if (lines := _find_unusable(key, str(name), filters, prefix)) is not None:
            yield from lines
        else:
            yield from find_value_problems(key, filters.find(str(name)), value)


def find_cell_problems(cell: str, extra: Mapping[str, Any], cells: Registry[Any], *, prefix: str) -> Iterator[str]:
    """Yield the problems of the settings of cells from installed packages.

    Args:
        cell: the one that is chosen.
        extra: values by the name of a cell, then by the name of a setting.
        cells: all that there are.
        prefix: of the keys, with its dot.
    """
    if cell in cells.list_offered() and (problem := cells.find_problem(cell)) is not None:
        yield f"model.cell={cell}{problem.removeprefix(repr(cell))}"
        return
    for name, values in extra.items():
        key = prefix + str(name)
        if values is None:
            continue
        if name not in cells.list_names() or name in cells.built_in:
            yield from _find_unusable(key, str(name), cells, prefix) or ()
        elif name != cell:
            yield f"{key} must be left out when model.cell={cell}, got {values}. Use model.cell={name}."
        elif not isinstance(values, Mapping):
            yield f"{key} must be a group of settings, got {values!r}."
        else:
            yield from _find_group_problems(key, cells.find(str(name)).settings, values)


def _find_group_problems(key: str, settings: tuple[Setting, ...], values: Mapping[str, Any]) -> Iterator[str]:
    known = {setting.name: setting for setting in settings}
    for name, value in values.items():
        if name in known:
            yield from find_value_problems(f"{key}.{name}", known[name], value)
        else:
            typed = f"{key}.{name}"
            yield f"unknown setting {typed!r}{suggest(typed, [f'{key}.{each}' for each in known]) or '.'}"


def _find_unusable(key: str, name: str, registry: Registry[Any], prefix: str) -> list[str] | None:
    """Return a line for an option that no package offers as it should; None: one does."""
    if (problem := registry.find_problem(name)) is not None:
        return [f"{key}{problem.removeprefix(repr(name))}"]
    if name in registry.list_offered():
        return None
    known = [prefix + each for each in registry.list_offered()]
    known += [prefix.replace("extra.", "") + each for each in registry.built_in]
    return [f"unknown setting {key!r}{suggest(key, known) or f'. No installed package offers it in {registry.group}.'}"]
