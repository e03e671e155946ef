"""The file of a compressed text: what is written comes back, and nothing that it claims is believed."""

import hashlib
import json
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.coding.compressed_file import (
    FORMAT,
    MAGIC,
    MAX_CHARACTERS,
    MAX_HEADER,
    Header,
    pack,
    read_compressed,
)
from charrnn_exp.errors import MachineError, UserError

HEADER = Header(
    sha256="a" * 64,
    num_bytes=9,
    num_characters=7,
    unit="char",
    encoding="utf-8",
    weights_sha256="b" * 64,
    step=60,
    vocabulary_sha256="c" * 64,
    versions={"tensorflow": "2.21.0"},
    machine={"device": "cpu"},
)
CODED = bytes(range(40))


def read(folder: Path, content: bytes) -> tuple[Header, bytes]:
    path = folder / "text.small"
    path.write_bytes(content)
    return read_compressed(path, key="text")


def refuse(folder: Path, content: bytes) -> str:
    """Return the one line by which the file is refused."""
    with pytest.raises(MachineError) as caught:
        read(folder, content)
    (line,) = caught.value.lines
    assert "\n" not in line
    return line


def seal(facts: bytes, *, length: int | None = None, number: int = FORMAT) -> bytes:
    """Return a file with a right hash around whatever header."""
    content = MAGIC + bytes([number]) + (len(facts) if length is None else length).to_bytes(2, "big") + facts + CODED
    return content + hashlib.sha256(content).digest()


def deflate(facts: Any) -> bytes:
    return zlib.compress(json.dumps(facts).encode())


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    assert read(tmp_path, pack(HEADER, CODED)) == (HEADER, CODED)
    assert read(tmp_path, pack(HEADER, b"")) == (HEADER, b"")


def test_every_flipped_bit_and_every_cut_is_told(tmp_path: Path) -> None:
    content = pack(HEADER, CODED)
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        assert "is damaged or no file" in refuse(tmp_path, bytes(damaged))
    for length in range(len(content)):
        refuse(tmp_path, content[:length])
    refuse(tmp_path, content + b"\0")


FACTS = asdict(HEADER)
HOSTILE = {
    "no json": zlib.compress(b"{"),
    "not utf-8": zlib.compress(b'{"\xff": 1}'),
    "no deflate": b"abc",
    "cut deflate": deflate(FACTS)[:-5],
    "a list": deflate([1, 2]),
    "a field less": deflate({k: v for k, v in FACTS.items() if k != "step"}),
    "a field more": deflate(FACTS | {"code": "x"}),
    "a number as text": deflate(FACTS | {"num_bytes": "9"}),
    "a truth as a number": deflate(FACTS | {"num_bytes": True}),
    "a fraction": deflate(FACTS | {"num_characters": 7.5}),
    "infinity": zlib.compress(json.dumps(FACTS).replace(": 9", ": Infinity").encode()),
    "less than nothing": deflate(FACTS | {"num_characters": -1}),
    "more characters than bytes": deflate(FACTS | {"num_characters": 10}),
    "too many characters": deflate(FACTS | {"num_bytes": 10**30, "num_characters": MAX_CHARACTERS + 1}),
    "too many bytes": deflate(FACTS | {"num_bytes": 10**30}),
    "facts that are no text": deflate(FACTS | {"machine": {"device": 1}}),
    "facts that are no object": deflate(FACTS | {"versions": ["2.21.0"]}),
    "nesting without an end": zlib.compress(b"[" * 60_000),
    "a number without an end": zlib.compress(b'{"step": ' + b"9" * 60_000 + b"}"),
    "a bomb": zlib.compress(json.dumps(FACTS).encode() + b" " * (100 * MAX_HEADER)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_with_a_right_hash_is_one_line(tmp_path: Path, name: str) -> None:
    assert len(refuse(tmp_path, seal(HOSTILE[name]))) < 500


def test_a_length_beyond_the_end_takes_what_is_there(tmp_path: Path) -> None:
    refuse(tmp_path, seal(deflate(FACTS)[:-5], length=0xFFFF))


def test_another_format_is_named(tmp_path: Path) -> None:
    assert f"its format is {FORMAT + 1}" in refuse(tmp_path, seal(deflate(FACTS), number=FORMAT + 1))


def test_a_hash_around_a_right_header_is_what_hostile_files_differ_in(tmp_path: Path) -> None:
    assert read(tmp_path, seal(deflate(FACTS))) == (HEADER, CODED)


def test_a_file_that_is_missing_or_a_folder_is_the_users_mistake(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UserError, match="text must be"):
            read_compressed(path, key="text")


def test_changes_of_the_machine_are_listed_by_name() -> None:
    assert HEADER.list_changes(HEADER.versions, HEADER.machine) == []
    lines = HEADER.list_changes({"tensorflow": "2.22.0"}, {"device": "cpu", "threads": "2"})
    assert lines == [
        "the text was compressed with tensorflow '2.21.0', this process has '2.22.0'.",
        "the text was compressed with threads None, this process has '2'.",
    ]
