"""`compress` and `decompress` as processes: the very bytes come back, or nothing does."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.coding.compressed_file import Header, pack, read_compressed
from tests.forks import Ended, Program

RUNS = Path(__file__).parents[1] / "data" / "runs_cce24c3"
TEXT = b"the man and the\nother, so they went on and on to the end. \n" * 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two runs of one text and one of its bytes, and with a text for them."""
    for name in ("gru", "bytes", "averages"):
        shutil.copytree(RUNS / name, tmp_path / name)
    known = set(map(chr, json.loads((RUNS / "gru" / "vocabulary.json").read_text())["code_points"]))
    (tmp_path / "text").write_bytes("".join(c for c in TEXT.decode() if c in known).encode())
    return tmp_path


def call(program: Program, folder: Path, verb: str, run: str, text: str, out: str) -> Ended:
    return program.run(folder, verb, f"run={run}", f"text={text}", f"out={out}")


def read_error(ended: Ended) -> str:
    """Return the one line of an error, without the notes."""
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("charrnn_exp: note: ")]
    (line,) = [line for line in lines if not line.startswith("warning: ")]
    return line.removeprefix("charrnn_exp: error: ")


def change(folder: Path, source: str, target: str, **changes: object) -> Header:
    """Write a copy of a compressed file with other facts and a right hash."""
    header, coded = read_compressed(folder / source, key="text")
    changed = replace(header, **changes)  # type: ignore[arg-type]
    (folder / target).write_bytes(pack(changed, coded))
    return header


@pytest.mark.slow
@pytest.mark.parametrize("run", ["gru", "bytes"])
def test_a_file_comes_back_or_nothing_does(program: Program, folder: Path, run: str) -> None:
    content = (folder / "text").read_bytes()
    made = call(program, folder, "compress", run, "text", "small")
    assert made.returncode == 0, made.stderr
    size = (folder / "small").stat().st_size
    assert made.stdout.startswith(f"small: {size:,} bytes (")
    assert made.stdout.endswith(f"{100 * size / len(content):.1f} % of the text\n")
    header, _ = read_compressed(folder / "small", key="text")
    assert header.sha256 == hashlib.sha256(content).hexdigest()
    assert (header.num_bytes, header.num_characters) == (len(content), len(content))

    back = call(program, folder, "decompress", run, "small", "again")
    assert (back.returncode, (folder / "again").read_bytes()) == (0, content)
    assert "warning" not in back.stderr

    change(folder, "small", "elsewhere", machine=header.machine | {"threads": "77"})
    back = call(program, folder, "decompress", run, "elsewhere", "again 2")
    assert (back.returncode, (folder / "again 2").read_bytes()) == (0, content)
    assert "warning: the text was compressed with threads '77', this process has" in back.stderr

    change(folder, "small", "forged", sha256="0" * 64)
    change(folder, "small", "short", num_characters=header.num_characters - 1)
    for name in ("forged", "short"):
        back = call(program, folder, "decompress", run, name, "none")
        assert (back.returncode, back.stdout) == (3, "")
        assert read_error(back).startswith(f"another text than the one that was compressed came out of {name}")
    assert not [path for path in folder.iterdir() if "none" in path.name]


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"e"], ids=["nothing", "one symbol"])
def test_the_shortest_texts_come_back(program: Program, folder: Path, content: bytes) -> None:
    (folder / "text").write_bytes(content)
    assert call(program, folder, "compress", "gru", "text", "small").returncode == 0
    assert call(program, folder, "decompress", "gru", "small", "again").returncode == 0
    assert (folder / "again").read_bytes() == content


@pytest.mark.slow
def test_what_does_not_fit_ends_with_a_line_and_no_file(program: Program, folder: Path) -> None:
    assert call(program, folder, "compress", "averages", "text", "small").returncode == 0
    header = change(folder, "small", "others", weights_sha256="0" * 64)
    (folder / "cut").write_bytes((folder / "small").read_bytes()[:-1])
    (folder / "foreign").write_text("the \u4e2d")
    before = sorted(folder.rglob("*"))
    cases = [
        ("decompress", "averages", "others", 3, f"of step {header.step} (sha256 000000000000), and no checkpoint of"),
        ("decompress", "averages", "cut", 3, "cut is damaged or no file that `compress` wrote: its sha256 is not"),
        ("decompress", "bytes", "small", 3, "small was compressed with a model of other symbols"),
        ("decompress", "averages", "text", 3, "its first bytes are others"),
        ("decompress", "averages", "missing", 2, "text must be an existing text file"),
        ("compress", "averages", "foreign", 2, "text must hold only symbols of the training text, got U+4E2D"),
    ]
    for verb, run, text, code, said in cases:
        ended = call(program, folder, verb, run, text, "out")
        assert (ended.returncode, ended.stdout) == (code, ""), said
        assert said in read_error(ended)
    for verb in ("compress", "decompress"):
        ended = call(program, folder, verb, "averages", "small", "text")
        assert (ended.returncode, "which exists" in read_error(ended)) == (2, True)
        ended = program.run(folder, verb, "out=no/such")
        assert ended.returncode == 2
        assert ended.stderr.splitlines() == [
            "charrnn_exp: error: text must be the path of a file, got nothing. Type text=FILE.",
            "charrnn_exp: error: out must be a new path in a folder that exists, got 'no/such'.",
        ]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.slow
def test_the_checkpoint_is_found_by_its_hash_after_the_run_went_on(program: Program, folder: Path) -> None:
    """The weights that compressed are the older of two checkpoints."""
    run = folder / "gru"
    older, newest = sorted((run / "checkpoints").glob("step_*"))
    hidden = folder / newest.name
    newest.rename(hidden)
    made = program.run(folder, "compress", f"run={run.name}", "text=text", "out=small", "checkpoint=last")
    hidden.rename(newest)
    back = call(program, folder, "decompress", run.name, "small", "again")
    assert (made.returncode, back.returncode) == (0, 0)
    assert f"checkpoint {older.name}" in back.stderr
    assert (folder / "again").read_bytes() == (folder / "text").read_bytes()
