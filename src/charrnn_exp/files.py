"""Atomic writes of small files, checked reads, and file locks."""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 26
"""Largest small file; a vocabulary of all Unicode characters takes a tenth of it."""


class LockHeldError(Exception):
    """Another process holds the lock.

    Args:
        holder: its process id.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder}")
        self.holder = holder


def find_path(typed: str | Path) -> Path:
    """Return the path as it was typed if it exists, else with a home folder in place of `~` or `~user` at its start."""
    path = Path(typed)
    try:
        return path if os.path.lexists(path) else path.expanduser()
    except RuntimeError:  # a user whom nobody knows
        return path


def write_durably(path: Path, content: str | bytes) -> None:
    """Replace the content of a file atomically (text as UTF-8): write a temporary file, sync, rename, sync the folder.

    Raises:
        OSError: from the file system; the old content stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a failing write names no file
        raise
    sync_folder(path.parent)


def read_text(path: Path) -> str:
    """Return the text of a small file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not UTF-8, too large, or no regular file: reading a pipe would block.
    """
    _check_small(path.stat(), path)
    return path.read_text(encoding="utf-8")


def read_bytes(path: Path, *, follows_links: bool = True) -> bytes:
    """Return the bytes of a small file.

    Args:
        path: of the file.
        follows_links: False: a link is no regular file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is too large, or no regular file: reading a pipe would block.
    """
    _check_small(path.stat() if follows_links else path.lstat(), path)
    return path.read_bytes()


def _check_small(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("no regular file")
    if found.st_size > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a small file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is too large, not an object, nested too deep, or has NaN or infinite numbers.
    """
    try:
        values = json.loads(read_text(path))
        json.dumps(values, allow_nan=False)
    except RecursionError:
        raise ValueError("nesting without an end") from None
    if not isinstance(values, dict):
        raise ValueError(f"{type(values).__name__} in place of an object")
    return values


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold a lock on a file within the block; the system releases it when the process ends.

    Raises:
        LockHeldError: without waiting, if another process (or this one, elsewhere) holds it.
        OSError: if the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeldError(os.read(descriptor, 32).decode(errors="replace").strip() or "unknown") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
