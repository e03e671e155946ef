"""From bytes to code points, by the unit, the encoding and the mending that the settings of a text ask for.

Axes: n character (of a chunk).
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import DecodingErrors, Newlines, Unit
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.vocabulary import code_points_of
from charrnn_exp.errors import one_line

CARRIAGE_RETURN, LINE_FEED, REPLACEMENT = 0x0D, 0x0A, 0xFFFD


@dataclass
class Changes:
    """Counts of the changes that decoding made to a text.

    Args:
        bad_places: runs of bytes that are not in the encoding, replaced or left out.
        carriage_returns: those that became a line feed, or were left out before one.
    """

    bad_places: int = 0
    carriage_returns: int = 0


def decode(
    chunks: Iterator[bytes], dataset: DatasetConfig, changes: Changes, *, is_cut: Callable[[], bool] = lambda: False
) -> Iterator[tuple[bytes, npt.NDArray[np.integer]]]:
    """Yield each chunk of bytes with the code points (or bytes) decoded from it, and what is left at the end.

    Args:
        chunks: of one text.
        dataset: its unit, encoding, errors and newlines count.
        changes: counted up.
        is_cut: tells at the end whether dataset.max_bytes cut the text there; a character cut through is left out.

    Raises:
        UnicodeError: with the bad bytes and their position, where dataset.errors is strict.
    """
    breaks = _LineFeeds(changes) if dataset.newlines is Newlines.lf else None
    for chunk, points in _decode_bytes(chunks, dataset, changes, is_cut=is_cut):
        yield chunk, points if breaks is None else breaks.convert(points)


def _decode_bytes(
    chunks: Iterator[bytes], dataset: DatasetConfig, changes: Changes, *, is_cut: Callable[[], bool]
) -> Iterator[tuple[bytes, npt.NDArray[np.integer]]]:
    if dataset.unit is Unit.byte:
        for chunk in chunks:
            yield chunk, np.frombuffer(chunk, np.uint8)
        return
    decoder = codecs.getincrementaldecoder(dataset.encoding)(errors=_register(dataset.errors, changes))
    offset = 0
    for chunk in chunks:
        yield chunk, _decode_chunk(decoder, chunk, offset, dataset.errors, changes)
        offset += len(chunk)
    if not is_cut():
        yield b"", _decode_chunk(decoder, b"", offset, dataset.errors, changes, final=True)


def _decode_chunk(
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    offset: int,
    errors: DecodingErrors,
    changes: Changes,
    *,
    final: bool = False,
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
    is_half_n = (points >= 0xD800) & (points <= 0xDFFF)
    if not is_half_n.any():
        return points
    if errors is DecodingErrors.strict:
        raise UnicodeError(f"half a surrogate pair, U+{points[is_half_n][0]:04X}, near byte {offset}")
    changes.bad_places += int(is_half_n.sum())
    return np.where(is_half_n, REPLACEMENT, points) if errors is DecodingErrors.replace else points[~is_half_n]


def _register(errors: DecodingErrors, changes: Changes) -> str:
    """Return the name of an error handler that counts into `changes`.

    A codec finds its handler by name at each error, so one text is decoded at a time.
    """
    if errors is DecodingErrors.strict:
        return "strict"
    name = f"charrnn_exp.{errors.name}"
    codecs.register_error(name, partial(_mend, chr(REPLACEMENT) if errors is DecodingErrors.replace else "", changes))
    return name


def _mend(replacement: str, changes: Changes, error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    changes.bad_places += 1
    return replacement, error.end


class _LineFeeds:
    """Turns CR LF and CR into LF, wherever the pieces are cut."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._ends_in_return = False

    def convert(self, points: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        if not len(points):
            return points
        is_return_n = points == CARRIAGE_RETURN
        is_second_n = points == LINE_FEED
        is_second_n[1:] &= is_return_n[:-1]
        is_second_n[0] &= self._ends_in_return
        self._ends_in_return = bool(is_return_n[-1])
        self._changes.carriage_returns += int(is_return_n.sum())
        changed = points.copy()
        changed[is_return_n] = LINE_FEED
        kept: npt.NDArray[np.integer] = changed[~is_second_n]
        return kept
