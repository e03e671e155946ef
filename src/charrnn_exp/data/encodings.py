"""How the encoding of a text is found from its bytes: by a byte order mark, else by which decodings look like text."""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charrnn_exp.data.languages import BROKEN, rate_text

COMMON = (
    "cp1252",
    "shift_jis",
    "cp932",
    "euc-jp",
    "gb18030",
    "big5",
    "big5hkscs",
    "euc-kr",
    "cp949",
    "cp1251",
    "koi8-r",
    "koi8-u",
    "utf-16-le",
    "utf-16-be",
    "cp1250",
    "iso8859-2",
    "cp1253",
    "iso8859-7",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp874",
    "cp866",
    "iso8859-5",
    "mac-cyrillic",
    "cp855",
    "johab",
)
"""Of encodings that read a text alike, the first is named."""
RARE = ("iso8859-15", "mac-roman", "cp850", "iso2022_jp", "iso2022_kr")
"""Named where they look better by `RARE_COST`."""
RARE_COST = 0.5
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks with their encodings; that of utf-32-le begins as that of utf-16-le."""
LEAST_WORTH = 0.8
"""Least `rate_text` of a decoding that looks like text."""
NEAR = 0.5
"""Most by which a decoding that is still named looks worse than the best."""
MOST_NAMED = 3
SHORT_BYTES, SHORT_BEYOND = 2000, 20
"""A text of fewer bytes, or with fewer bytes beyond ASCII, is too short for more than a guess."""
UNUSUAL = re.compile(rb"[^\x01-\x1a\x1c-\x7f]")
"""A byte that an ASCII text has not: beyond ASCII, NUL, escape."""


@dataclass(frozen=True)
class Encodings:
    """The encodings that read a text and look like text.

    Args:
        names: best first; none: no usual encoding does both.
        is_guess: whether the text is too short to be sure.
        nearly: where there is none, the one that reads the start and fails later; None: none does.
    """

    names: tuple[str, ...]
    is_guess: bool
    nearly: str | None = None

    @property
    def sure(self) -> str | None:
        """The best, where it is more than a guess."""
        return self.names[0] if self.names and not self.is_guess else None


class Sample:
    """The first bytes of a text from its first unusual one on; fed with all of its chunks.

    Before that byte a text is ASCII, so the sample starts with a whole character in any encoding.
    """

    SIZE = 1 << 14
    LEAD = 64

    def __init__(self) -> None:
        self.head, self.content, self.num_bytes, self.num_beyond = b"", b"", 0, 0
        self._before = b""

    @property
    def is_short(self) -> bool:
        """Whether it is too short for more than a guess."""
        return self.num_bytes < SHORT_BYTES or self.num_beyond < SHORT_BEYOND

    @property
    def is_utf_8(self) -> bool:
        """Whether its bytes beyond ASCII are all UTF-8, which those of another encoding are by a rare chance only."""
        return not self.content.isascii() and b"\0" not in self.content and _decode(self.content, "utf-8") is not None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the text."""
        self.head = self.head or chunk[: self.LEAD]
        if not self.content and _is_plain(chunk):
            self._before = (self._before + chunk[-2 * self.LEAD :])[-2 * self.LEAD :]
        elif not self.content:
            start, joined = self.num_bytes - len(self._before), self._before + chunk
            if found := UNUSUAL.search(joined):
                first = max(0, found.start() - self.LEAD)
                first -= (start + first) % 4  # a whole character of utf-16 and utf-32
                self.content = joined[max(0, first) : max(0, first) + self.SIZE]
            self._before = joined[-2 * self.LEAD :]
        elif len(self.content) < self.SIZE:
            self.content += chunk[: self.SIZE - len(self.content)]
        self.num_bytes += len(chunk)
        if self.content and self.num_beyond < SHORT_BEYOND:
            self.num_beyond += len(UNUSUAL.findall(chunk[: 1 << 16]))

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> "Sample":
        """Return the sample of a whole text."""
        sample = cls()
        for chunk in chunks:
            sample.feed(chunk)
        return sample


def find_encodings(sample: Sample, chunks: Iterable[bytes]) -> Encodings:
    """Return the encodings that read all chunks and whose decoding of the sample looks like text.

    Args:
        sample: of the text.
        chunks: the whole text, which is read only as far as an encoding is left.
    """
    is_guess = sample.is_short
    marked = [encoding for mark, encoding in MARKS if sample.head.startswith(mark)]
    if marked:
        names = keep_readable(marked[:1], chunks)
        return Encodings(names, is_guess=False, nearly=None if names else marked[0])
    ranked = _rank(sample.content) if sample.content else []
    groups = [names for worth, names in ranked if worth >= max(LEAST_WORTH, ranked[0][0] - NEAR)]
    decoded = _decode(sample.content, "utf-8")
    if decoded is not None and (sample.is_utf_8 or rate_text(decoded) >= LEAST_WORTH):
        groups = [["utf-8"], *groups]
    readable = keep_readable([name for group in groups for name in group], chunks)
    if "utf-8" in readable:
        return Encodings(("utf-8",), is_guess=False)
    # Encodings that read the sample alike may differ later: of each group the first that reads all is named.
    firsts = [[name for name in group if name in readable][:1] for group in groups]
    names = tuple(name for first in firsts for name in first)[:MOST_NAMED]
    return Encodings(names, is_guess, nearly=groups[0][0] if groups and not names else None)


def find_better(sample: Sample, encoding: str) -> str | None:
    """Return an encoding whose decoding of the sample looks clearly more like text; None: there is none."""
    decoded = _decode(sample.content, encoding)
    if decoded is None or not sample.content or (sample.is_utf_8 and decoded == _decode(sample.content, "utf-8")):
        return None
    if decoded.startswith("\ufeff"):  # it has a note of its own
        decoded = decoded[1:]
    marked = [name for mark, name in MARKS if sample.head.startswith(mark)]
    worth, names = max([*_rank(sample.content), (-BROKEN, [encoding])], key=lambda each: each[0])
    own = rate_text(decoded)
    if worth < LEAST_WORTH or worth <= own + NEAR or (sample.num_beyond < SHORT_BEYOND and own >= 0):
        return None
    return marked[0] if marked else names[0]


def keep_readable(names: Sequence[str], chunks: Iterable[bytes]) -> tuple[str, ...]:
    """Return the encodings of those named that read all of the chunks, in their order."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in names}
    for chunk, is_last in _mark_last(chunks):
        for name, decoder in list(decoders.items()):
            try:
                decoder.decode(chunk, is_last)
            except UnicodeError:
                del decoders[name]
        if not decoders:
            break
    return tuple(decoders)


def _rank(content: bytes) -> list[tuple[float, list[str]]]:
    """Return the worth of each decoding of the content, best first, with the encodings that read it so."""
    found: dict[str, tuple[float, list[str]]] = {}
    for name in (*COMMON, *RARE):
        decoded = _decode(content, name)
        if decoded is not None and decoded in found:
            found[decoded][1].append(name)
        elif decoded is not None:
            found[decoded] = (rate_text(decoded) - (RARE_COST if name in RARE else 0.0), [name])
    return sorted(found.values(), key=lambda each: -each[0])


def _decode(content: bytes, encoding: str) -> str | None:
    """Return the decoded content, which may end within a character; None: it is not in this encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(content)
    except UnicodeError:
        return None


def _is_plain(chunk: bytes) -> bool:
    """Return whether `UNUSUAL` finds nothing, much faster."""
    return chunk.isascii() and b"\0" not in chunk and b"\x1b" not in chunk


def _mark_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True
