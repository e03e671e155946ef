"""The files that a setting names: a file, the files of a folder, those of a pattern, or a list of these."""

import glob
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import find_path

HIDDEN, FOLDERS, LINKS, DEVICES = "hidden files", "subfolders", "links that lead out", "pipes and devices"
TWICE = "files named twice"
"""Kinds of files that are skipped."""


@dataclass(frozen=True)
class FoundFiles:
    """The files that a setting names.

    Args:
        paths: in the order of their bytes.
        skipped: number of files that are left out, by kind.
    """

    paths: tuple[Path, ...]
    skipped: dict[str, int]


def find_files(given: str | list[str], *, key: str) -> FoundFiles:
    """Return the files of a path, a folder, a pattern, or a list of these; an existing path is no pattern.

    Of a folder these are its own files: hidden ones, folders in it and links that lead out of it are skipped. A pattern
    passes over the same, with its part before the first of * ? [ as the folder.

    Args:
        given: as typed.
        key: name of the setting, for the messages.

    Raises:
        UserError: if a folder or a pattern has no file.
    """
    paths: dict[Path, None] = {}
    skipped: Counter[str] = Counter()
    for each in iterate_names(given):
        try:
            found, left_out = _find(each, key=key)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise UserError(f"{key} must name files that can be read, got {each!r} ({reason}).") from error
        skipped.update(left_out)
        for path in found:
            skipped[TWICE] += path in paths
            paths[path] = None
    ordered = sorted(paths, key=os.fsencode)
    return FoundFiles(tuple(ordered), {kind: count for kind, count in skipped.items() if count})


def describe_skipped(skipped: dict[str, int]) -> str:
    """Return the counts of skipped files in words, "" where there are none.

    >>> describe_skipped({"hidden files": 2, "subfolders": 1})
    'skipped: 2 hidden files, 1 subfolders'
    """
    parts = ", ".join(f"{count:,} {kind}" for kind, count in skipped.items())
    return f"skipped: {parts}" if parts else ""


def iterate_names(given: str | list[str] | None) -> Iterator[str]:
    """Yield the paths as typed, one by one."""
    if given is not None:
        yield from [given] if isinstance(given, str) else given


def _find(given: str, *, key: str) -> tuple[list[Path], Counter[str]]:
    path = Path(_expand(given))
    if _is_folder(path):
        return _sort_out([*path.iterdir()], root=path, key=key, given=f"the folder {path.absolute()}")
    if os.path.lexists(path) or not glob.has_magic(given):
        return [path], Counter()
    pattern = str(path)
    root = Path(pattern[: min(pattern.find(c) for c in "*?[" if c in pattern)] + "x").parent
    named = [Path(each) for each in glob.glob(pattern, recursive=True)]
    if not named:
        raise UserError(f"{key} must be a file, a folder or a pattern, got {given!r}, which no file below "
                        f"{root.absolute()} has as its name.")  # fmt: skip
    hidden = set(glob.glob(pattern, recursive=True, include_hidden=True)) - {str(each) for each in named}
    found, skipped = _sort_out(named, root=root, key=key, given=repr(given))
    return found, skipped + Counter({HIDDEN: len(hidden)})


def _sort_out(paths: list[Path], *, root: Path, key: str, given: str) -> tuple[list[Path], Counter[str]]:
    """Return the files to be read, and the number of the others by kind."""
    kinds = [(_find_kind(path, root), path) for path in paths]
    skipped = Counter(kind for kind, _ in kinds if kind is not None)
    found = [path for kind, path in kinds if kind is None]
    if not found:
        told = describe_skipped(skipped)
        raise UserError(f"{key} must have a file to read, got {given} with none{f' ({told})' if told else ''}.")
    return found, skipped


def _find_kind(path: Path, root: Path) -> str | None:
    """Return the kind of a path that is skipped; None: a file to be read."""
    if any(part.startswith(".") and part not in (".", "..") for part in path.relative_to(root).parts):
        return HIDDEN
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not (target.is_relative_to(os.path.realpath(root)) and target.exists()):
            return LINKS
    if path.is_dir():
        return FOLDERS
    return None if path.is_file() else DEVICES


def _expand(given: str) -> str:
    try:
        return str(find_path(given))
    except RuntimeError:  # a home that nobody has
        return given


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False
