"""Symbols and their ids."""

import codecs
import hashlib
import itertools
import json
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit, Unknown
from charrnn_exp.errors import UserError

WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""Codecs that write no byte order mark, by those that do."""
LEAVE_OUT = "Leave them out; sample and evaluate do so with unknown=skip."
"""The way out for symbols that a vocabulary lacks, on a command line."""
Ids = npt.NDArray[np.unsignedinteger]
"""Symbol ids in the smallest unsigned type that holds them."""


@dataclass(frozen=True)
class Vocabulary:
    """The sorted symbols of a text; a symbol's id is its place.

    Args:
        unit: whether a symbol is a Unicode character or a byte.
        code_points: of the characters, or the values of the bytes, strictly ascending.
    """

    unit: Unit
    code_points: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.code_points)

    @cached_property
    def lookup(self) -> Ids:
        """Array from code point to id; entries of unknown symbols are undefined."""
        table = np.zeros(self.code_points[-1] + 1, dtype=id_type(len(self)))
        table[np.asarray(self.code_points)] = np.arange(len(self))
        return table

    @property
    def sha256(self) -> str:
        """Hash of the symbols in their order: a permuted vocabulary has another."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def default_prompt_ids(self) -> npt.NDArray[np.int32]:
        """Ids of the default prompt: a line break where the vocabulary has one, else its first symbol."""
        return np.array([self.code_points.index(ord("\n")) if ord("\n") in self.code_points else 0], np.int32)

    def encode(self, text: str, *, key: str) -> npt.NDArray[np.int32]:
        """Return the ids of the text, see `find_points` and `find_ids`."""
        return self.find_ids(self.find_points(text, key=key), key=key).astype(np.int32)

    def find_points(
        self, text: str, *, key: str, encoding: str = "utf-8", unknown: Unknown = Unknown.refuse
    ) -> npt.NDArray[np.unsignedinteger]:
        """Return the code points of the text, or its bytes in an encoding where the unit is the byte.

        Args:
            text: any string.
            key: name of its setting, for the message.
            encoding: that writes the bytes, without a byte order mark.
            unknown: what to do with symbols that it cannot write.

        Raises:
            UserError: naming the first symbol that the encoding cannot write.
        """
        if self.unit is not Unit.byte:
            return code_points_of(text)
        codec = WITHOUT_MARK.get(codecs.lookup(encoding).name, encoding)
        for errors in ("surrogateescape", "surrogatepass"):  # bytes that are no text; halves of pairs
            try:
                return np.frombuffer(text.encode(codec, errors), np.uint8)
            except UnicodeEncodeError as error:
                lacking = error.object[error.start]
        if unknown is Unknown.skip:
            return np.frombuffer(text.encode(codec, "ignore"), np.uint8)
        raise UserError(
            f"{key} must hold only symbols of dataset.encoding={encoding}, got U+{ord(lacking):04X} "
            f"{unicodedata.name(lacking, 'unnamed').lower()!r}. Leave it out."
        )

    def find_ids(
        self,
        points: npt.NDArray[np.integer],
        *,
        key: str,
        unknown: Unknown = Unknown.refuse,
        way_out: str = LEAVE_OUT,
    ) -> Ids:
        """Return the ids of code points, or of bytes where the unit is the byte.

        Args:
            points: code points or bytes.
            key: name of their setting, for the message.
            unknown: what to do with symbols that the vocabulary lacks; skipped ones have no id.
            way_out: what whoever typed them can do, for the message.

        Raises:
            UserError: naming every symbol that the vocabulary lacks.
        """
        found = np.flatnonzero(np.bincount(points))
        missing = found[~np.isin(found, self.code_points)].tolist()
        if missing and unknown is Unknown.skip:
            points = points[np.isin(points, self.code_points)]
        elif missing:
            names = ", ".join(self._name(point) for point in missing[:20])
            names += f" and {len(missing) - 20} more" if len(missing) > 20 else ""
            raise UserError(f"{key} must hold only symbols of the training text, got {names}. {way_out}")
        ids: Ids = self.lookup[points]
        return ids

    def to_bytes(self, ids: npt.NDArray[np.integer]) -> bytes:
        """Return the text of the ids as UTF-8, or the bytes themselves where the unit is the byte."""
        points = np.asarray(self.code_points, dtype="<u4")[np.asarray(ids, dtype=np.int64)]
        if self.unit is Unit.byte:
            return points.astype(np.uint8).tobytes()
        return points.tobytes().decode("utf-32-le").encode("utf-8")

    def decode(self, ids: npt.NDArray[np.integer]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become U+FFFD."""
        return self.to_bytes(ids).decode("utf-8", errors="replace")

    def to_json(self) -> str:
        """Return the content of `vocabulary.json`."""
        return json.dumps({"unit": self.unit.name, "code_points": self.code_points})

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Vocabulary":
        """Return the vocabulary from the parsed content of `vocabulary.json`.

        Raises:
            ValueError: if the symbols are not code points or bytes in strictly ascending order.
            KeyError: if a field is missing.
        """
        unit, points = Unit[values["unit"]], values["code_points"]
        most = 0xFF if unit is Unit.byte else sys.maxunicode
        if not isinstance(points, list) or not points or not all(type(point) is int for point in points):
            raise ValueError("code_points that are no list of whole numbers")
        if not (points[0] >= 0 and points[-1] <= most and all(a < b for a, b in itertools.pairwise(points))):
            raise ValueError(f"code_points that do not ascend from 0 to {most}")
        if any(0xD800 <= point <= 0xDFFF for point in points):
            raise ValueError("code_points that are halves of surrogate pairs")
        return cls(unit, tuple(points))

    def _name(self, point: int) -> str:
        if self.unit is Unit.byte:
            return f"0x{point:02X}"
        return f"U+{point:04X} {unicodedata.name(chr(point), 'unnamed').lower()!r}"


def code_points_of(text: str) -> npt.NDArray[np.unsignedinteger]:
    """Return the code points of the characters."""
    if text.isascii():  # a quarter of the memory and time
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")


def id_type(num_symbols: int) -> type[np.unsignedinteger]:
    """Return the smallest unsigned integer type for so many symbols."""
    return np.uint8 if num_symbols <= 1 << 8 else np.uint16 if num_symbols <= 1 << 16 else np.uint32
