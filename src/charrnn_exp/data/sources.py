"""Where text comes from: a stream of bytes for every dataset, the same bytes each time it is read."""

import os
import re
import stat
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from charrnn_exp.config.choices import Source
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.data.checksum import parse_checksum
from charrnn_exp.data.download import Download, fetch
from charrnn_exp.data.paths import describe_skipped, find_files, iterate_names
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import find_path

CHUNK_BYTES = 1 << 22
PARTS = {"train": "path", "val": "val_path", "test": "test_path"}
"""The parts of a text with the settings that name their files."""

STDLIB_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "site-packages",
    "dist-packages",
    "_bundled",
}
"""Folders of the standard library that are not read: tests, demos and what is not the library's own."""


DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
"""A line that defines a function or a class, and its name."""


@dataclass(frozen=True)
class TextFile:
    """A file of a text; a text from elsewhere is one file.

    Args:
        part: train, val or test; train where dataset.split cuts the text.
        key: name of its setting, for messages.
        name: for messages, as typed.
        label: in the fingerprint: its path within its folder or pattern, or its name.
        read: yields its bytes in pieces of any size.
    """

    part: str
    key: str
    name: str
    label: str
    read: Callable[[], Iterator[bytes]]


def list_text_files(dataset: DatasetConfig) -> tuple[list[TextFile], list[str]]:
    """Return the files of the text in their order, and a note for each setting that leaves files out.

    Raises:
        UserError: if a folder or a pattern has no file.
        MachineError: if a text cannot be downloaded.
    """
    match dataset.source:
        case Source.stdlib:
            folder = Path(sysconfig.get_paths()["stdlib"])
            return [TextFile("train", "dataset", dataset.name, dataset.name, partial(_read_stdlib, folder))], []
        case Source.stdlib_names:
            folder = Path(sysconfig.get_paths()["stdlib"])
            return [TextFile("train", "dataset", dataset.name, dataset.name, partial(_read_names, folder))], []
        case Source.network:
            path = fetch(_describe_download(dataset))
            return [TextFile("train", "dataset", dataset.name, dataset.name, partial(read_file, path))], []
        case Source.file:
            pass
        case _:
            raise AssertionError(dataset.source)
    files, notes = [], []
    for part, field in PARTS.items():
        given, key = getattr(dataset, field), f"dataset.{field}"
        if given is not None:
            found = find_files(given, key=key)
            files += [
                TextFile(part, key, str(path), path.name, partial(read_file, path, key=key)) for path in found.paths
            ]
            if found.skipped:
                notes.append(
                    f"{key} {show_path(given)}: {len(found.paths):,} files, {describe_skipped(found.skipped)}."
                )
    return files, notes


def read_chunks(dataset: DatasetConfig) -> Iterator[bytes]:
    """Yield the bytes of the text, at most `dataset.max_bytes` of each part, in pieces of any size.

    Raises:
        UserError: if the file cannot be read.
        MachineError: if a text cannot be downloaded.
    """
    files, _ = list_text_files(dataset)
    for _, chunks in cut_parts(files, dataset.max_bytes):
        yield from chunks


def cut_parts(files: Sequence[TextFile], max_bytes: int | None) -> Iterator[tuple[TextFile, Iterator[bytes]]]:
    """Yield each file with its bytes, at most max_bytes of each part; the bytes must be read before the next file."""
    read: Counter[str] = Counter()

    def cut(file: TextFile) -> Iterator[bytes]:
        for chunk in file.read():
            kept = chunk if max_bytes is None else chunk[: max_bytes - read[file.part]]
            read[file.part] += len(kept)
            if kept:
                yield kept
            if max_bytes is not None and read[file.part] == max_bytes:
                return

    for file in files:
        if max_bytes is None or read[file.part] < max_bytes:
            yield file, cut(file)


def show_path(given: str | list[str]) -> str:
    """Return one path as typed, or the first of several with their number."""
    names = list(iterate_names(given))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _describe_download(dataset: DatasetConfig) -> Download:
    assert dataset.num_bytes is not None
    assert dataset.checksum is not None
    return Download(
        name=dataset.name,
        urls=tuple(dataset.urls),
        num_bytes=dataset.num_bytes,
        checksum=parse_checksum(dataset.checksum),
        member=dataset.member,
    )


def trust_installed_alone(dataset: DatasetConfig) -> DatasetConfig:
    """Return the dataset settings of an existing run, its addresses replaced by those of the installed conf/.

    A run folder may come from anybody, so its own addresses are never used. Those of an installed text of the same
    checksum are; without one there are none, and the text must be in the data folder. A text that does not come from
    the network keeps its settings.
    """
    if dataset.source is not Source.network:
        return dataset
    urls = [url for text in list_installed_texts() if text.checksum == dataset.checksum for url in text.urls]
    return replace(dataset, urls=urls)


def _read_stdlib(folder: Path) -> Iterator[bytes]:
    """Yield the library's own .py files in sorted order, those of ASCII bytes only."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - STDLIB_LEFT_OUT)
        for name in sorted(files):
            if name.endswith(".py"):
                source = (Path(parent) / name).read_bytes()
                if source.isascii():
                    yield source


def _read_names(folder: Path) -> Iterator[bytes]:
    """Yield the distinct names of functions and classes in the library's own .py files, sorted, a line each."""
    names = {name for source in _read_stdlib(folder) for name in DEFINITION.findall(source)}
    yield b"".join(name + b"\n" for name in sorted(names))


def read_file(path: Path, *, key: str = "dataset.path") -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of `CHUNK_BYTES`.

    Args:
        path: of the file.
        key: the word that the path came with, for the messages.

    Raises:
        UserError: if it cannot be read.
    """
    path = find_path(path)
    where = path.absolute()
    try:
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("a pipe or device, and a text is read twice")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise UserError(f"{key} must be an existing text file, got {where}, which does not exist.") from None
    except IsADirectoryError:
        raise UserError(f"{key} must be a text file, got the folder {where}.") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"{key} must be a readable text file, got {where} ({reason}).") from error
