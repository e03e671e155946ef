"""A file becomes ids that give back its very bytes, or it is refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.coding.exact_text import read_exactly, write_exactly
from charrnn_exp.config.choices import DecodingErrors, Newlines, Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import UserError
from tests.conftest import compose_small

LETTERS = Vocabulary(Unit.char, tuple(sorted(map(ord, "\n\r abc\u00e9\u4e2d\U0001f600"))))
WITH_MARK = Vocabulary(Unit.char, (*LETTERS.code_points[:-1], 0xFEFF, LETTERS.code_points[-1]))
BYTES = Vocabulary(Unit.byte, tuple(range(256)))
TEXT = "ab\r\n\u00e9c\r\u4e2d\n\U0001f600a"


def read(folder: Path, content: bytes, vocabulary: Vocabulary = LETTERS, **changes: Any) -> tuple[bytes, str]:
    """Return the bytes that come back, and the codec."""
    path = folder / "text"
    path.write_bytes(content)
    dataset = compose_small().dataset
    dataset = type(dataset)(**{name: getattr(dataset, name) for name in dataset.__slots__} | changes)
    ids_n, raw, codec = read_exactly(path, dataset, vocabulary, key="text")
    assert raw == content
    return write_exactly(ids_n, vocabulary, codec), codec


@pytest.mark.parametrize(
    ("encoding", "content", "codec"),
    [
        ("utf-8", TEXT.encode(), "utf-8"),
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"a", "utf-8"),
        ("utf-8-sig", TEXT.encode("utf-8-sig"), "utf-8-sig"),
        ("utf-8-sig", TEXT.encode(), "utf-8"),
        ("utf-8-sig", b"", "utf-8-sig"),
        ("utf-16", b"\xff\xfe" + TEXT.encode("utf-16-le"), "utf-16"),
        ("utf-16-be", TEXT.encode("utf-16-be"), "utf-16-be"),
        ("utf-32", b"\xff\xfe\0\0" + TEXT.encode("utf-32-le"), "utf-32"),
        ("latin-1", "ab\u00e9\r\n".encode("latin-1"), "iso8859-1"),
        ("gb18030", TEXT.encode("gb18030"), "gb18030"),
    ],
)
def test_the_bytes_come_back(tmp_path: Path, encoding: str, content: bytes, codec: str) -> None:
    assert read(tmp_path, content, encoding=encoding) == (content, codec)


def test_a_mark_that_the_run_knows_is_a_symbol(tmp_path: Path) -> None:
    content = TEXT.encode("utf-8-sig")
    assert read(tmp_path, content, WITH_MARK) == (content, "utf-8")


def test_any_bytes_come_back_from_a_model_of_bytes(tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(5000)
    assert read(tmp_path, content, BYTES, unit=Unit.byte)[0] == content


def test_settings_that_change_other_files_do_not_matter(tmp_path: Path) -> None:
    content = b"ab\nc"
    assert read(tmp_path, content, newlines=Newlines.lf, errors=DecodingErrors.replace)[0] == content


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        (b"ab\r\nc", {"newlines": Newlines.lf}, "dataset.newlines=lf"),
        (b"ab\xffc", {"errors": DecodingErrors.ignore}, "1 places that are not utf-8 were left out"),
        (b"\xfe\xff" + "ab".encode("utf-16-be"), {"encoding": "utf-16"}, "as utf-16 it is written otherwise"),
        (b"+AOk-", {"encoding": "utf-7"}, ""),
    ],
    ids=["line breaks", "bad bytes", "big end first", "two ways to write it"],
)
def test_a_file_that_reading_changes_is_refused(
    tmp_path: Path, content: bytes, changes: dict[str, Any], reason: str
) -> None:
    if not reason:
        content += b"+AOk-"  # the encoder joins the two
        reason = "as utf-7 it is written otherwise"
    with pytest.raises(UserError, match="must come back byte for byte") as caught:
        read(tmp_path, content, **changes)
    assert reason in str(caught.value)
    assert str(caught.value).endswith("Convert the file, or use a run with dataset.unit=byte.")


def test_symbols_that_the_run_does_not_know_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"U\+0078 'latin small letter x'"):
        read(tmp_path, b"abx")
