"""What the first reading of a text finds: its symbols, hashes and sizes.

Axes: u distinct value (code point or byte).
"""

import codecs
import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.decoding import Changes
from charrnn_exp.data.encodings import Sample
from charrnn_exp.data.sources import TextFile

NUM_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class ReadFile:
    """A file as it was read.

    Args:
        file: its part, name and label.
        num_bytes: read of it.
        sha256: of these.
    """

    file: TextFile
    num_bytes: int
    sha256: str


class Survey:
    """Counts over all files of a text, fed file by file.

    Args:
        files: all of them.
        checks_utf_8: whether it is found out which files are utf-8 text beyond ASCII, though not read as such.
    """

    def __init__(self, files: list[TextFile], *, checks_utf_8: bool) -> None:
        self.counts_u = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        self.num_by_part: Counter[str] = Counter({file.part: 0 for file in files})
        self.files: list[ReadFile] = []
        self.changes = Changes()
        self.sample: Sample | None = None
        self.sampled: TextFile | None = None
        self.in_utf_8: list[TextFile] = []
        self.heads: list[tuple[TextFile, bytes]] = []
        self.joined: list[TextFile] = []
        """Files that end within a line, which goes on with the next file of their part."""
        self._last_point: int | None = None
        self._checks_utf_8 = checks_utf_8
        self._digest = hashlib.sha256()
        self._are_many = len(files) > 1

    @property
    def num_characters(self) -> int:
        """Length of the text."""
        return int(self.counts_u.sum())

    @property
    def num_bytes(self) -> int:
        """Bytes read."""
        return sum(each.num_bytes for each in self.files)

    @property
    def sha256(self) -> str:
        """Of the bytes of all files, joined."""
        return self._digest.hexdigest()

    def start(self, file: TextFile) -> None:
        """Begin a file; the one before it is at its end."""
        if self.files and self.files[-1].file.part == file.part and self._last_point not in (None, ord("\n")):
            self.joined.append(self.files[-1].file)
        self._file, self._file_digest, self._num_bytes = file, hashlib.sha256(), 0
        self._sample = Sample()
        self._utf_8 = codecs.getincrementaldecoder("utf-8")() if self._checks_utf_8 else None

    def feed(self, chunk: bytes, points: npt.NDArray[np.integer]) -> None:
        """Take the next bytes of the file and the code points decoded from them."""
        self._digest.update(chunk)
        if self._are_many:
            self._file_digest.update(chunk)
        self._num_bytes += len(chunk)
        self._last_point = int(points[-1]) if len(points) else self._last_point
        self._sample.feed(chunk)
        if self._utf_8 is not None:
            try:
                self._utf_8.decode(chunk)
            except UnicodeDecodeError:
                self._utf_8 = None
        chunk_counts = np.bincount(points)
        self.counts_u[: len(chunk_counts)] += chunk_counts
        self.num_by_part[self._file.part] += len(points)

    def finish(self) -> None:
        """End the file."""
        digest = self._file_digest if self._are_many else self._digest
        self.files.append(ReadFile(self._file, self._num_bytes, digest.hexdigest()))
        if self._sample.content and self.sample is None:
            self.sample, self.sampled = self._sample, self._file
        if self._utf_8 is not None and self._sample.num_beyond:
            self.in_utf_8.append(self._file)
        self.heads.append((self._file, self._sample.head[:16]))
