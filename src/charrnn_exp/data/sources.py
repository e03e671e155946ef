"""Where text comes from: a stream of bytes for every dataset, the same bytes each time it is read."""

import os
import stat
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from charrnn_exp.config.choices import Source
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.data.checksum import parse_checksum
from charrnn_exp.data.download import Download, fetch
from charrnn_exp.errors import UserError, one_line
from charrnn_exp.files import find_path

CHUNK_BYTES = 1 << 22

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


def read_chunks(dataset: DatasetConfig) -> Iterator[bytes]:
    """Yield the bytes of the text, at most `dataset.max_bytes` of them, in pieces of any size.

    Raises:
        UserError: if the file cannot be read.
        MachineError: if a text cannot be downloaded.
    """
    left = dataset.max_bytes
    for chunk in _read_all(dataset):
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk[:left])
        if left == 0:
            return


def _read_all(dataset: DatasetConfig) -> Iterator[bytes]:
    match dataset.source:
        case Source.stdlib:
            return _read_stdlib(Path(sysconfig.get_paths()["stdlib"]))
        case Source.network:
            return read_file(fetch(_describe_download(dataset)))
        case Source.file:
            return read_file(Path(str(dataset.path)))
        case _:
            raise AssertionError(dataset.source)


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
    """Return the settings of a run that exists with the addresses that the installed conf/ has for its text.

    A run folder may come from anybody, so its own addresses are not used: without an installed text of the same
    checksum there are none, and the text must be in the data folder.
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
