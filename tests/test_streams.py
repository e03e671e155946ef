"""What a stream may hold."""

import io
import os
import sys
import termios

import pytest

from charrnn_exp.streams import escape_controls, escape_line, fit_encoding, measure, wrap, write_error, write_note

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


@pytest.mark.parametrize("width", [8, 20, 40, 80])
def test_a_line_is_cut_between_words_and_loses_none(width: int) -> None:
    line = "the quick brown fox jumps over incomprehensibilities and \u5468\u6770\u4f26 of 1,234 characters"
    pieces = wrap(line, width)
    assert " ".join(piece.strip() for piece in pieces) == line
    assert all(measure(piece) <= width or " " not in piece.strip() for piece in pieces)
    assert all(piece.startswith("  ") for piece in pieces[1:])


LINE = "error: training.epochs must be at least 1, got 0, which is " + "far " * 20 + "too few."


@pytest.mark.parametrize("width", [30, 80, 120])
def test_a_line_of_standard_error_is_wrapped_between_words_on_a_terminal_of_its_own_width(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = write_to_terminal(LINE, width, monkeypatch)
    assert len(shown) > 1
    assert max(map(measure, shown)) <= width
    assert " ".join(row.strip() for row in shown) == f"charrnn_exp: {LINE}"


def test_a_terminal_that_tells_no_width_counts_as_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert write_to_terminal(LINE, 0, monkeypatch) == wrap(f"charrnn_exp: {LINE}", 80)


def test_a_line_of_standard_error_stays_one_line_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    write_error(LINE)
    assert capsys.readouterr().err == f"charrnn_exp: {LINE}\n"


def write_to_terminal(line: str, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the rows that a real terminal of this width gets."""
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, its = os.openpty()
    termios.tcsetwinsize(its, (24, width))
    with os.fdopen(its, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        write_error(line)
        shown = os.read(ours, 100_000).decode()
    os.close(ours)
    return shown.replace("\r\n", "\n").removesuffix("\n").split("\n")
