"""One member of a zip file, streamed out; nothing else in the file is looked at, and no name in it becomes a path."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1 << 16
OVERHEAD_BYTES = 1 << 16
"""Most bytes of a zip file beyond those of its text."""


def read_member(packed: IO[bytes], member: str) -> Iterator[bytes]:
    """Yield the content of the member in chunks; the reader must stop where it becomes too long.

    Raises:
        ValueError: if there is no such member, or it is packed by a method other than stored and deflated.
        Exception: exceptions of zipfile for a damaged file.
    """
    with zipfile.ZipFile(packed) as archive:
        if member not in archive.namelist():
            raise ValueError(f"no member {member!r}")
        info = archive.getinfo(member)
        # Other methods unpack a block of any size at once.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"a member packed by method {info.compress_type}, neither stored nor deflated")
        with archive.open(info) as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                yield chunk


def find_member_size(path: Path, member: str) -> int | None:
    """Return the announced size of a member; None where the file is no readable zip file or lacks it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.getinfo(member).file_size
    except Exception:  # a damaged zip file makes zipfile raise anything
        return None
