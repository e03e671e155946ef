"""Checksums that pin a text: sha256, or the kind that its publisher gives."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from charrnn_exp.config.choices import CHECKSUM_KINDS

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """A checksum of one of the kinds in `CHECKSUM_KINDS`.

    Args:
        kind: sha256; md5, which protects against damage only; or git-blob, the sha1 of `blob SIZE`, a zero byte and
            the content.
        digest: hexadecimal, lower case.
    """

    kind: str
    digest: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.digest}"


def parse_checksum(text: str) -> Checksum:
    """Return the checksum of a setting.

    >>> parse_checksum("md5:3bea1919949baf155f99411df5fada7e").kind
    'md5'

    Raises:
        ValueError: if it is not KIND:DIGEST with a known kind and a digest of its length.
    """
    kind, _, digest = text.partition(":")
    if not re.fullmatch(f"[0-9a-f]{{{CHECKSUM_KINDS.get(kind, 0)}}}", digest) or kind not in CHECKSUM_KINDS:
        raise ValueError(f"{text[:100]!r} is no checksum")
    return Checksum(kind, digest)


class Hasher:
    """Computes a checksum of one kind, chunk by chunk.

    Args:
        kind: see `Checksum`.
        num_bytes: size of the whole content, which git-blob hashes first.
    """

    def __init__(self, kind: str, num_bytes: int) -> None:
        self._kind = kind
        match kind:
            case "sha256":
                self._state = hashlib.sha256()
            case "md5":
                self._state = hashlib.md5(usedforsecurity=False)
            case "git-blob":
                self._state = hashlib.sha1(b"blob %d\0" % num_bytes, usedforsecurity=False)
            case _:
                raise AssertionError(kind)

    def update(self, chunk: bytes) -> None:
        """Add the next bytes of the content."""
        self._state.update(chunk)

    def finish(self) -> Checksum:
        """Return the checksum of all bytes added."""
        return Checksum(self._kind, self._state.hexdigest())


def hash_file(path: Path, kind: str) -> Checksum:
    """Return the checksum of a file.

    Raises:
        OSError: if it cannot be read.
    """
    hasher = Hasher(kind, path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.finish()
