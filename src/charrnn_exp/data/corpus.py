"""A text as ids, with its vocabulary and its fingerprint.

Axes: n character, u distinct value (code point or byte).
"""

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.allocation import allocate_ids
from charrnn_exp.data.sources import read_chunks, read_file
from charrnn_exp.data.vocabulary import Ids, Vocabulary, code_points_of, id_type
from charrnn_exp.errors import UserError, one_line

NUM_CODE_POINTS = 0x110000
LINE_BREAKING = (ord("\t"), ord("\n"), ord("\r"))


@dataclass(frozen=True)
class Fingerprint:
    """Hash and sizes of a text: two runs with equal fingerprints read the same text."""

    sha256: str
    num_bytes: int
    num_characters: int
    num_symbols: int

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Corpus:
    """A whole text.

    Args:
        ids_n: the id of each symbol, in text order.
        vocabulary: the symbols.
        fingerprint: of the bytes of the text.
        notes: unusual symbols of the text, one line each; they are kept.
    """

    ids_n: Ids
    vocabulary: Vocabulary
    fingerprint: Fingerprint
    notes: tuple[str, ...]


def load_corpus(dataset: DatasetConfig) -> Corpus:
    """Read the text twice: first to count its symbols, then to encode it.

    The text is not changed: byte order marks, carriage returns, NUL and control characters are symbols like any other,
    and `notes` lists them. Memory stays near one id per character.

    Raises:
        UserError: if the text is empty or not in the given encoding.
        MachineError: if the temporary folder has no space for the ids of a large text.
    """
    digest = hashlib.sha256()
    counts_u = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    num_bytes = 0
    for chunk, points in _decode_own(dataset):
        digest.update(chunk)
        num_bytes += len(chunk)
        chunk_counts = np.bincount(points)
        counts_u[: len(chunk_counts)] += chunk_counts
    num_characters = int(counts_u.sum())
    if num_characters == 0:
        raise UserError(f"dataset must hold at least one character, got an empty text ({describe(dataset)}).")
    vocabulary = Vocabulary(dataset.unit, tuple(np.flatnonzero(counts_u).tolist()))
    ids_n = allocate_ids(num_characters, id_type(len(vocabulary)))
    position = 0
    for _, points in _decode_own(dataset):
        ids_n[position : position + len(points)] = vocabulary.lookup[points]
        position += len(points)
    assert position == num_characters, "the text changed while it was read"
    fingerprint = Fingerprint(digest.hexdigest(), num_bytes, num_characters, len(vocabulary))
    return Corpus(ids_n, vocabulary, fingerprint, tuple(_notes(counts_u)))


def describe(dataset: DatasetConfig) -> str:
    """Return the name of the text: its path, or the option of `dataset`."""
    return str(dataset.path) if dataset.path else dataset.name


def read_ids(path: Path, dataset: DatasetConfig, vocabulary: Vocabulary, *, key: str) -> Ids:
    """Return the ids of another text, read in the unit and encoding of the dataset.

    Args:
        path: of the text.
        dataset: settings of the run that has the vocabulary.
        vocabulary: of that run.
        key: name of the argument or setting that holds the path, for the messages.

    Raises:
        UserError: if it cannot be read, or naming the symbols that the vocabulary lacks.
    """
    chunks = read_file(path, key=key)
    pieces = [
        vocabulary.find_ids(points, key=key)
        for _, points in _decode(
            chunks, dataset, name=f"{key} {path}", way_out="Save it in that encoding.", may_end_within=False
        )
    ]
    return np.concatenate(pieces) if pieces else np.empty(0, id_type(len(vocabulary)))


def _decode_own(dataset: DatasetConfig) -> Iterator[tuple[bytes, npt.NDArray[np.integer]]]:
    """Yield the text of the dataset, see `_decode`."""
    return _decode(
        read_chunks(dataset),
        dataset,
        name=f"dataset {describe(dataset)}",
        way_out="Name its encoding (dataset.encoding=latin-1) or read it as bytes (dataset.unit=byte).",
        may_end_within=dataset.max_bytes is not None,
    )


def _decode(
    chunks: Iterator[bytes], dataset: DatasetConfig, *, name: str, way_out: str, may_end_within: bool
) -> Iterator[tuple[bytes, npt.NDArray[np.integer]]]:
    """Yield each chunk of bytes with the code points decoded from it."""
    if dataset.unit is Unit.byte:
        for chunk in chunks:
            yield chunk, np.frombuffer(chunk, np.uint8)
        return
    decoder = codecs.getincrementaldecoder(dataset.encoding)(errors="strict")
    offset = 0
    try:
        for chunk in chunks:
            yield chunk, _decode_chunk(decoder, chunk, offset, final=False)
            offset += len(chunk)
        # A text cut by max_bytes may end within a character; that half one is dropped.
        if not (may_end_within and offset == dataset.max_bytes):
            yield b"", _decode_chunk(decoder, b"", offset, final=True)
    except UnicodeError as error:
        raise UserError(f"{name} must be {dataset.encoding} text, got {error}. {way_out}") from None


def _decode_chunk(
    decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int, *, final: bool
) -> npt.NDArray[np.integer]:
    """Return the code points; raise UnicodeError with the bad bytes and their position."""
    held_back = decoder.getstate()[0]
    try:
        points = code_points_of(decoder.decode(chunk, final))
    except UnicodeDecodeError as error:
        start = offset - len(held_back) + error.start
        found = error.object[error.start : error.start + 4].hex(" ")
        raise UnicodeError(f"the bytes {found} at byte {start}") from None
    except UnicodeError as error:
        raise UnicodeError(f"{one_line(error)} near byte {offset}") from None
    halves = points[(points >= 0xD800) & (points <= 0xDFFF)]
    if len(halves):
        raise UnicodeError(f"half a surrogate pair, U+{halves[0]:04X}, near byte {offset}")
    return points


def _notes(counts_u: npt.NDArray[np.int64]) -> Iterator[str]:
    num_symbols = int(np.count_nonzero(counts_u))
    if num_symbols == 1:
        yield "the text has only one symbol: there is nothing to learn."
    controls = [int(point) for point in np.flatnonzero(counts_u[:32]) if point not in LINE_BREAKING]
    for name, points in (
        ("byte order marks (U+FEFF)", [0xFEFF]),
        ("carriage returns", [ord("\r")]),
        ("control characters", controls),
    ):
        count = int(counts_u[points].sum()) if points else 0
        if count:
            yield f"the text has {count:,} {name}; they stay in it as symbols."
