"""Texts from the network: progress, a pinned checksum, a cache, and a way out when there is no network."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charrnn_exp.data.checksum import Checksum, describe, hash_file
from charrnn_exp.errors import MachineError, one_line

DATA_FOLDER_VARIABLE = "CHARRNN_DATA_DIR"
ZIP_OVERHEAD = 1 << 16
"""Bytes that a zip file may have beyond its text."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A text with its mirrors.

    Args:
        file_name: name in the data folder.
        urls: mirrors, tried in turn.
        num_bytes: size of the text.
        checksum: of the text.
        member: name of the text in the zip file that the mirrors have; None: they have the text itself.
    """

    file_name: str
    urls: tuple[str, ...]
    num_bytes: int
    checksum: Checksum
    member: str | None = None


def find_data_folder() -> Path:
    """Return CHARRNN_DATA_DIR, or the user's cache folder."""
    import pooch

    return Path(os.environ.get(DATA_FOLDER_VARIABLE) or pooch.os_cache("charrnn_exp"))


def fetch(download: Download) -> Path:
    """Return the path of the text; where the data folder lacks it, it is unpacked from its zip there, or downloaded.

    Raises:
        MachineError: if no mirror answers, or the file in the data folder or from a mirror is not the pinned one.
    """
    path = find_data_folder() / download.file_name
    archive = path.with_name(f"{path.name}.zip")
    for place in (path, archive):
        if place.exists() and not place.is_file():
            what = "a folder" if place.is_dir() else "a pipe or device"
            raise MachineError(f"{place.absolute()} must be a file, got {what}. Move it away.")
    if path.exists():
        found = hash_file(path, download.checksum)
        if found != download.checksum:
            raise MachineError(
                f"{path.absolute()} must have the checksum {describe(download.checksum)}, got {describe(found)}. "
                "Delete it, and the next run downloads it again."
            )
        return path
    if download.member is not None and archive.exists():
        return _unpack(archive, path, download)
    failures = []
    for url in download.urls:
        try:
            return _download(url, path, download)
        except Exception as error:  # any mirror may fail in any way that requests, urllib3 or the disk knows
            failures.append(f"{url.split('/')[2]}: {type(error).__name__}: {one_line(error)[:200]}")
    or_packed = f" (or {archive.name} beside it)" if download.member is not None else ""
    raise MachineError(
        f"{download.file_name} must be downloaded, got no answer from {len(failures)} mirrors "
        f"({'; '.join(failures)}). Put the file by hand at {path.absolute()}{or_packed}, or set {DATA_FOLDER_VARIABLE} "
        "to the folder that has it; dataset=stdlib needs no network."
    )


def _unpack(archive: Path, path: Path, download: Download) -> Path:
    """Put the text beside the zip file that somebody laid into the data folder."""
    try:
        with _replacing(path) as temporary, archive.open("rb") as packed:
            with temporary.open("wb") as file:
                _extract(packed, file, download)
            _check(temporary, download)
    except OSError as error:
        place = error.filename or path.absolute()
        raise MachineError(f"{place} must be readable and writable, got {one_line(error)}.") from error
    except Exception as error:  # a damaged zip file makes zipfile raise anything
        raise MachineError(
            f"{archive.absolute()} must hold {download.file_name}, got {type(error).__name__}: "
            f"{one_line(error)[:200]}. Delete it, and the next run downloads it again."
        ) from error
    return path


def _download(url: str, path: Path, download: Download) -> Path:
    import pooch

    path.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(path) as temporary:
        with temporary.open("wb") as file, _ProgressBar(download) as bar:
            http = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=20)
            if download.member is None:
                http(url, _CappedFile(file, download.num_bytes), None)
            else:
                # A file without a name: nothing is left of it, however this ends.
                with tempfile.TemporaryFile(dir=path.parent) as packed:
                    http(url, _CappedFile(packed, download.num_bytes + ZIP_OVERHEAD), None)
                    _extract(packed, file, download)
        _check(temporary, download)
    return path


def _check(path: Path, download: Download) -> None:
    found = hash_file(path, download.checksum)
    if found != download.checksum:
        raise ValueError(f"checksum must be {describe(download.checksum)}, got {describe(found)}")


def _extract(packed: IO[bytes], file: IO[bytes], download: Download) -> None:
    """Write the one member that is the text, to a place of our own; whatever else the zip file holds is not looked at.

    Raises:
        ValueError: if the member is not there, or is longer than the text.
        Exception: what zipfile raises of a damaged file.
    """
    with zipfile.ZipFile(packed) as archive:
        if download.member not in archive.namelist():
            raise ValueError(f"no member {download.member!r}")
        member = archive.getinfo(download.member)
        # The others unpack a block of any size at once.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"a member packed by method {member.compress_type}, neither stored nor deflated")
        with archive.open(member) as unpacked:
            shutil.copyfileobj(unpacked, _CappedFile(file, download.num_bytes), 1 << 16)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside the path that takes its place at the end, or goes after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


class _CappedFile:
    """What pooch asks of an open file (`write`, `flush`); refuses the first byte that is too many."""

    def __init__(self, file: IO[bytes], num_bytes: int) -> None:
        self._file = file
        self._left = self._num_bytes = num_bytes

    def write(self, chunk: bytes) -> int:
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError(f"size must be at most {self._num_bytes} bytes, got more")
        return self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


class _ProgressBar:
    """What pooch asks of a progress bar (`total`, `update`, `reset`, `close`), drawn by rich."""

    def __init__(self, download: Download) -> None:
        from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self._progress = Progress(
            TextColumn("downloading {task.description}"), *Progress.get_default_columns()[1:2], DownloadColumn(),
            TransferSpeedColumn(),
        )  # fmt: skip
        self._task = self._progress.add_task(download.file_name, total=download.num_bytes)
        self.total = download.num_bytes
        """Set by pooch to what the server announces: of a zip file, less than the text."""

    def __enter__(self) -> "_ProgressBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, num_bytes: int) -> None:
        self._progress.update(self._task, advance=num_bytes, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        pass
