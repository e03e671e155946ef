"""What a stream may hold."""

import io
import sys

import pytest

from charrnn_exp.streams import escape_controls, escape_line, fit_encoding, write_note

SHOWN = "\u3000\u00a0\u200b\u200c\u200d\u00ad\u2003\n\th\u00e9llo \u4f60 \U0001f468\u200d\U0001f469 \ue000"
ESCAPED = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u2028\u2029", *map(chr, range(0x202A, 0x202F)),
           *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f", "\u061c"]  # fmt: skip


def test_spaces_joiners_and_text_of_any_script_are_shown() -> None:
    assert escape_controls(SHOWN) == SHOWN


def test_controls_bidirectional_marks_and_line_separators_are_escaped() -> None:
    for c in set(ESCAPED) - set("\n\t"):
        assert escape_controls(f"a{c}b") == f"a{c.encode('unicode_escape').decode()}b", repr(c)
    assert escape_line("a\n\tb") == "a\\n\\tb"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "shift_jis"])
def test_what_an_encoding_lacks_is_escaped_and_the_rest_stays(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    for c in "a\u00e9\u20ac\u4f60\U0001f600\ud800":
        fitted = fit_encoding(c, stream)
        stream.write(fitted)
        try:
            assert fitted.encode(encoding) == c.encode(encoding)
        except UnicodeEncodeError:
            assert fitted == c.encode("unicode_escape").decode() or fitted == f"\\x{ord(c):02x}"
    stream.flush()


def test_a_note_is_one_line_and_a_closed_stream_is_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_note("a\x1b[2J")
    assert capsys.readouterr().err == "charrnn_exp: note: a\\x1b[2J\n"
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    write_note("b")
