"""The file of a compressed text: facts that decompressing needs, the coded text, and a hash of all of it.

A file is MAGIC, a byte for FORMAT, the length of the header in two bytes, the header (JSON, deflated), the coded text,
and the sha256 of all bytes before it. It is read on no trust: no length that it claims is believed.
"""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from charrnn_exp.data.sources import read_file
from charrnn_exp.errors import MachineError, one_line

MAGIC = b"charrnn_exp text"
FORMAT = 1
PREFIX_BYTES = len(MAGIC) + 1 + 2
HASH_BYTES = 32
MAX_HEADER = 1 << 16
"""Bytes of the longest header, inflated."""
MAX_CHARACTERS = 100_000_000
"""Longest text, in characters of the model: it takes hours."""
MAX_BYTES = 4 * MAX_CHARACTERS
"""Largest text, and largest coded text."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The facts of a compressed text.

    Args:
        sha256: of its bytes.
        num_bytes: of them.
        num_characters: symbols of the model's unit.
        unit: char or byte.
        encoding: codec that writes the characters as the bytes that were read.
        weights_sha256: of the weights that the text is coded with, as the manifest of their checkpoint has it.
        step: of that checkpoint.
        vocabulary_sha256: of the model's symbols.
        versions: of the libraries that may change the last digits of a probability.
        machine: what else may change them.
    """

    sha256: str
    num_bytes: int
    num_characters: int
    unit: str
    encoding: str
    weights_sha256: str
    step: int
    vocabulary_sha256: str
    versions: dict[str, str]
    machine: dict[str, str]

    def list_changes(self, versions: dict[str, str], machine: dict[str, str]) -> list[str]:
        """Return a line for each fact that differs from those of this process."""
        then, now = self.versions | self.machine, versions | machine
        return [
            f"the text was compressed with {name} {then.get(name)!r}, this process has {now.get(name)!r}."
            for name in sorted({*then, *now})
            if then.get(name) != now.get(name)
        ]


def pack(header: Header, coded: bytes) -> bytes:
    """Return the content of a file."""
    facts = zlib.compress(json.dumps(asdict(header), separators=(",", ":")).encode(), 9)
    content = MAGIC + bytes([FORMAT]) + len(facts).to_bytes(2, "big") + facts + coded
    return content + hashlib.sha256(content).digest()


def read_compressed(path: Path, *, key: str) -> tuple[Header, bytes]:
    """Return the header of a file and the coded text.

    Args:
        path: of the file.
        key: the word that the path came with, for the messages.

    Raises:
        UserError: if it cannot be read.
        MachineError: if it is damaged, of another format, or no such file.
    """
    content = bytearray()
    for chunk in read_file(path, key=key):
        content += chunk
        if len(content) > MAX_BYTES + MAX_HEADER:
            raise MachineError(f"{path} is no compressed text: it has more than {MAX_BYTES + MAX_HEADER:,} bytes.")
    try:
        return unpack(bytes(content))
    except Exception as error:  # zlib and json raise their own, of bytes that nobody has checked
        raise MachineError(f"{path} is damaged or no file that `compress` wrote: {one_line(error)[:300]}.") from error


def unpack(content: bytes) -> tuple[Header, bytes]:
    """Return the header and the coded text of a file's content.

    Raises:
        ValueError: if it is damaged.
    """
    if not content.startswith(MAGIC):
        raise ValueError("its first bytes are others")
    if len(content) < PREFIX_BYTES + HASH_BYTES:
        raise ValueError("it is too short")
    if content[len(MAGIC)] != FORMAT:
        raise ValueError(f"its format is {content[len(MAGIC)]}, this program reads {FORMAT}")
    content, digest = content[:-HASH_BYTES], content[-HASH_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("its sha256 is not the one written in it")
    end = PREFIX_BYTES + int.from_bytes(content[len(MAGIC) + 1 : PREFIX_BYTES], "big")
    inflater = zlib.decompressobj()
    facts = inflater.decompress(content[PREFIX_BYTES:end], MAX_HEADER)
    if not inflater.eof:
        raise ValueError("its header is cut or too long")
    return _check(json.loads(facts)), content[end:]


def _check(facts: Any) -> Header:
    """Return the header of parsed JSON."""
    if not isinstance(facts, dict) or set(facts) != {field.name for field in fields(Header)}:
        raise ValueError("its header has other fields")
    for field in fields(Header):
        value = facts[field.name]
        if field.type in (str, int) and type(value) is not field.type:
            raise ValueError(f"its {field.name} is of another type")
        if field.type not in (str, int) and not (
            isinstance(value, dict) and all(type(each) is str for each in value.values())
        ):
            raise ValueError(f"its {field.name} is of another type")
    if not 0 <= facts["num_characters"] <= min(MAX_CHARACTERS, facts["num_bytes"]):
        raise ValueError(f"it claims {facts['num_characters']} characters in {facts['num_bytes']} bytes")
    if not facts["num_bytes"] <= MAX_BYTES:
        raise ValueError(f"it claims a text of {facts['num_bytes']} bytes")
    return Header(**facts)
