"""Texts from the network: found in the data folder by their checksum, or streamed into it from a mirror."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charrnn_exp.data.checksum import Checksum, Hasher, hash_file
from charrnn_exp.data.https import open_url
from charrnn_exp.data.unzip import OVERHEAD_BYTES, find_member_size, read_member
from charrnn_exp.errors import MachineError, one_line

DATA_FOLDER_VARIABLE = "CHARRNN_DATA_DIR"


@dataclass(frozen=True, kw_only=True)
class Download:
    """A text in the network.

    Args:
        name: name of the text, for messages.
        urls: mirrors, tried in turn; none: the text must be in the data folder.
        num_bytes: exact size of the text.
        checksum: of the text.
        member: name of the text in the zip file at the mirrors; None: the mirrors have the text itself.
    """

    name: str
    urls: tuple[str, ...]
    num_bytes: int
    checksum: Checksum
    member: str | None = None


def find_data_folder() -> Path:
    """Return CHARRNN_DATA_DIR, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get(DATA_FOLDER_VARIABLE) or platformdirs.user_cache_dir("charrnn_exp"))


def fetch(download: Download) -> Path:
    """Return the path of the text in the data folder, downloaded where it is missing.

    The cache is keyed by the checksum. A text that somebody put there by hand is found under any name, and so is a zip
    file with it.

    Raises:
        MachineError: if no mirror has the text, or its place in the cache holds another content.
    """
    folder = find_data_folder()
    place = folder / f"{download.checksum.kind}-{download.checksum.digest}"
    if place.exists():
        _check_cached(place, download)
        return place
    found, others = _find_by_hand(folder, download)
    if found is not None:
        return found
    failures = []
    for archive in _list_archives(folder, download):
        try:
            return _unpack(archive, place, download)
        except Exception as error:  # a damaged zip file makes zipfile raise anything
            failures.append(f"{archive}: {type(error).__name__}: {one_line(error)[:200]}")
    for url in download.urls:
        try:
            return _download(url, place, download)
        except Exception as error:  # a mirror may fail in any way that requests, urllib3 or the disk knows
            failures.append(f"{url.split('/')[2]}: {type(error).__name__}: {one_line(error)[:200]}")
    raise MachineError(_explain_failure(download, failures, others))


def _explain_failure(download: Download, failures: list[str], others: list[str]) -> str:
    got = f"no valid file ({'; '.join(failures)})" if failures else "no mirror to ask"
    packed = f" (or a zip file with {download.member!r})" if download.member is not None else ""
    beside = f" There, {', '.join(others)} of the same size have other checksums." if others else ""
    return (
        f"text {download.name} must be downloaded, got {got}. Put it by hand, {download.num_bytes:,} bytes with "
        f"{download.checksum}, under any name{packed} into {find_data_folder().absolute()}, or set "
        f"{DATA_FOLDER_VARIABLE} to the folder that has it; dataset=stdlib needs no network.{beside}"
    )


def _check_cached(place: Path, download: Download) -> None:
    if not place.is_file():
        what = "a folder" if place.is_dir() else "a pipe or device"
        raise MachineError(f"{place.absolute()} must be a file, got {what}. Move it away.")
    found = hash_file(place, download.checksum.kind)
    if found != download.checksum:
        raise MachineError(
            f"{place.absolute()} must have the checksum {download.checksum}, got {found}. "
            "Delete it, and the next run downloads it again."
        )


def _find_by_hand(folder: Path, download: Download) -> tuple[Path | None, list[str]]:
    """Return the file of the folder with the right content, and the names of those with the right size alone."""
    others = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            if not path.name.startswith(".") and path.is_file() and path.stat().st_size == download.num_bytes:
                if hash_file(path, download.checksum.kind) == download.checksum:
                    return path, []
                others.append(path.name)
        except OSError:  # a file that cannot be read is not the text
            continue
    return None, others


def _list_archives(folder: Path, download: Download) -> list[Path]:
    """Return the zip files of the folder that announce the text."""
    member = download.member
    if member is None or not folder.is_dir():
        return []
    paths = [path for path in sorted(folder.glob("*.zip")) if path.is_file()]
    return [path for path in paths if find_member_size(path, member) == download.num_bytes]


def _unpack(archive: Path, place: Path, download: Download) -> Path:
    assert download.member is not None
    with _replacing(place) as temporary, archive.open("rb") as packed, temporary.open("wb") as file:
        _write_checked(file, read_member(packed, download.member), download)
    return place


def _download(url: str, place: Path, download: Download) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(place) as temporary, temporary.open("wb") as file, open_url(url) as (chunks, announced):
        chunks = _show_progress(chunks, download.name, announced or download.num_bytes)
        if download.member is None:
            _write_checked(file, chunks, download)
            return place
        # A file without a name: nothing is left of it, however this ends.
        with tempfile.TemporaryFile(dir=place.parent) as packed:
            for chunk in _cap(chunks, download.num_bytes + OVERHEAD_BYTES):
                packed.write(chunk)
            _write_checked(file, read_member(packed, download.member), download)
    return place


def _write_checked(file: IO[bytes], chunks: Iterable[bytes], download: Download) -> None:
    """Write the text, hashing it on the way.

    Raises:
        ValueError: at the first byte too many, or at the end if the size or the checksum is another.
    """
    hasher, num_bytes = Hasher(download.checksum.kind, download.num_bytes), 0
    for chunk in _cap(chunks, download.num_bytes):
        file.write(chunk)
        hasher.update(chunk)
        num_bytes += len(chunk)
    if num_bytes != download.num_bytes:
        raise ValueError(f"size must be {download.num_bytes} bytes, got {num_bytes}")
    if (found := hasher.finish()) != download.checksum:
        raise ValueError(f"checksum must be {download.checksum}, got {found}")


def _cap(chunks: Iterable[bytes], num_bytes: int) -> Iterator[bytes]:
    left = num_bytes
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"size must be at most {num_bytes} bytes, got more")
        yield chunk


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path that takes the place of this one at the end of the block, or is removed after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _show_progress(chunks: Iterable[bytes], name: str, total: int) -> Iterator[bytes]:
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (*Progress.get_default_columns()[1:2], DownloadColumn(), TransferSpeedColumn())
    with Progress(TextColumn("downloading {task.description}"), *columns) as progress:
        task = progress.add_task(name, total=total)
        for chunk in chunks:
            progress.advance(task, len(chunk))
            yield chunk
