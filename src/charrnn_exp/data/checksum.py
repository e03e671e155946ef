"""Checksums that pin a text: sha256 where it is known, else what its publishers give."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sha256:
    """The usual one."""

    digest: str


@dataclass(frozen=True)
class GitBlob:
    """A checksum as git computes it: sha1 of `blob SIZE`, a zero byte, and the content."""

    digest: str


@dataclass(frozen=True)
class Md5:
    """Against damage only: two texts of one md5 can be made on purpose."""

    digest: str


Checksum = Sha256 | GitBlob | Md5


def describe(checksum: Checksum) -> str:
    """Return kind and digest in words.

    >>> describe(GitBlob("e69de2"))
    'git blob e69de2'
    """
    match checksum:
        case Sha256(digest):
            return f"sha256 {digest}"
        case GitBlob(digest):
            return f"git blob {digest}"
        case Md5(digest):
            return f"md5 {digest}"


def hash_file(path: Path, like: Checksum) -> Checksum:
    """Return the file's checksum of the same kind.

    Raises:
        OSError: if it cannot be read.
    """
    match like:
        case Sha256():
            return Sha256(_digest(path, hashlib.sha256()))
        case GitBlob():
            return GitBlob(_digest(path, hashlib.sha1(b"blob %d\0" % path.stat().st_size)))
        case Md5():
            return Md5(_digest(path, hashlib.md5()))


def _digest(path: Path, state: "hashlib._Hash") -> str:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()
