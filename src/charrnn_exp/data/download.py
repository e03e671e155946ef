"""Texts from the network: progress, a pinned checksum, a cache, and a way out when there is no network."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charrnn_exp.errors import MachineError, one_line

DATA_FOLDER_VARIABLE = "CHARRNN_DATA_DIR"


@dataclass(frozen=True)
class GitBlob:
    """A checksum as git computes it: sha1 of `blob SIZE`, a zero byte, and the content."""

    sha1: str


@dataclass(frozen=True)
class Download:
    """A text with its mirrors.

    Args:
        file_name: name in the data folder.
        urls: mirrors, tried in turn.
        num_bytes: its size.
        checksum: sha256 in hex, or git's blob hash where only that is known.
    """

    file_name: str
    urls: tuple[str, ...]
    num_bytes: int
    checksum: str | GitBlob


def find_data_folder() -> Path:
    """Return CHARRNN_DATA_DIR, or the user's cache folder."""
    import pooch

    return Path(os.environ.get(DATA_FOLDER_VARIABLE) or pooch.os_cache("charrnn_exp"))


def fetch(download: Download) -> Path:
    """Return the path of the text, downloading it first where the data folder lacks it.

    Raises:
        MachineError: if no mirror answers, or the file in the data folder or from a mirror is not the pinned one.
    """
    path = find_data_folder() / download.file_name
    if path.is_dir():
        raise MachineError(f"{path.absolute()} must be a file, got a folder. Move it away.")
    if path.exists():
        found = _hash_file(path, download)
        if found != _expected(download):
            raise MachineError(
                f"{path.absolute()} must have the checksum {_expected(download)}, got {found}. "
                "Delete it, and the next run downloads it again."
            )
        return path
    failures = []
    for url in download.urls:
        try:
            return _download(url, path, download)
        except Exception as error:  # any mirror may fail in any way that requests, urllib3 or the disk knows
            failures.append(f"{url.split('/')[2]}: {type(error).__name__}: {one_line(error)[:200]}")
    raise MachineError(
        f"{download.file_name} must be downloaded, got no answer from {len(failures)} mirrors "
        f"({'; '.join(failures)}). Put the file by hand at {path.absolute()}, or set {DATA_FOLDER_VARIABLE} to the "
        "folder that has it; dataset=stdlib needs no network."
    )


def _download(url: str, path: Path, download: Download) -> Path:
    import pooch

    def download_and_check(url: str, output_file: Any, pupil: Any) -> None:
        with _ProgressBar(download) as bar, _CappedFile(output_file, download.num_bytes) as file:
            pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=20)(url, file, pupil)
        found = _hash_file(Path(output_file), download)
        if found != _expected(download):
            raise ValueError(f"checksum must be {_expected(download)}, got {found}")

    # pooch writes to a temporary file beside the target, deletes it on any error, and renames it at the end.
    pooch.utils.LOGGER.setLevel("ERROR")
    pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent.absolute(), downloader=download_and_check)
    return path


def _expected(download: Download) -> str:
    match download.checksum:
        case GitBlob(sha1):
            return f"git blob {sha1}"
        case sha256:
            return f"sha256 {sha256}"


def _hash_file(path: Path, download: Download) -> str:
    match download.checksum:
        case GitBlob():
            digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
            name = "git blob"
        case _:
            digest = hashlib.sha256()
            name = "sha256"
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return f"{name} {digest.hexdigest()}"


class _CappedFile:
    """What pooch asks of an open file (`write`, `flush`); refuses the first byte that is too many."""

    def __init__(self, path: str, num_bytes: int) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 (closed by __exit__)
        self._left = self._num_bytes = num_bytes

    def __enter__(self) -> "_CappedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError(f"size must be {self._num_bytes} bytes, got more")
        self._file.write(chunk)

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

    def __enter__(self) -> "_ProgressBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, num_bytes: int) -> None:
        self._progress.update(self._task, advance=num_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        pass
