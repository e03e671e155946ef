"""Small files that have the old or the new text, whole, whatever happens in between."""

import os
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Replace the file's text: written beside it, synced, renamed, the folder synced.

    Raises:
        OSError: as the file system says; the old text stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
