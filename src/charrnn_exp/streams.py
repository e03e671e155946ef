"""What is written to a terminal, a pipe or a log: no text can command the terminal or fail for its characters."""

import contextlib
import io
import os
import sys
from typing import IO

from rich.cells import cell_len

LINE_SEPARATORS = "\u2028\u2029"
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u206a\u206b"
"""They reorder the text around them on screen (Unicode Standard Annex 9); the last two switch mirrored brackets."""

UNKNOWN_WIDTH = 80
"""Columns of a terminal that does not tell them."""


def escape_controls(text: str) -> str:
    r"""Return the text with C0 and C1 controls, bidirectional controls and line separators as escapes.

    Line breaks, tabs, spaces of any width and joiners stay: scripts and emoji need them.

    >>> escape_controls("a\x1b[2Jb\n\u202e\x85")
    'a\\x1b[2Jb\n\\u202e\\x85'
    >>> escape_controls("a\u200db") == "a\u200db"
    True
    """
    return "".join(c if c in "\n\t" or not _is_control(c) else c.encode("unicode_escape").decode() for c in text)


def _is_control(c: str) -> bool:
    code = ord(c)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or c in LINE_SEPARATORS or c in BIDI_CONTROLS


def escape_line(text: str) -> str:
    r"""Return the text as one line: tabs and line breaks are escaped too.

    >>> escape_line("a\n\tb")
    'a\\n\\tb'
    """
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")


def fit_encoding(text: str, stream: IO[str]) -> str:
    """Return the text with escapes for the characters that the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with contextlib.suppress(LookupError):
        return text.encode(encoding, "backslashreplace").decode(encoding, "replace")
    return text


def escape_unknown_characters() -> None:
    """Let standard output and error escape the characters that their encoding lacks, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_note(line: str) -> None:
    """Print one note to standard error."""
    write_error(f"note: {escape_controls(line)}")


def write_error(line: str) -> None:
    """Print a line to standard error, wrapped between words if that is a terminal; a closed stream is no error.

    Args:
        line: with its controls escaped; the name of the program comes before it.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        width = find_width(sys.stderr)
        shown = f"charrnn_exp: {line}"
        rows = [shown] if width is None else wrap(shown, width)
        print(fit_encoding("\n".join(rows), sys.stderr), file=sys.stderr, flush=True)


def find_width(stream: IO[str]) -> int | None:
    """Return the columns of the terminal that a stream is, by COLUMNS or the terminal itself; None: it is none."""
    if not stream.isatty():
        return None
    typed = os.environ.get("COLUMNS", "")
    if typed.isdecimal() and int(typed) > 0:
        return int(typed)
    return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_WIDTH


def measure(text: str) -> int:
    """Return the columns that a line takes on a terminal: a Chinese character takes two.

    >>> measure("a\\u4f60")
    3
    """
    return cell_len(text)


def wrap(line: str, width: int, *, indent: str = "  ") -> list[str]:
    """Return the line in pieces of a width, cut between words; a word that is longer stays whole.

    Args:
        line: one line.
        width: columns of the terminal.
        indent: before each piece but the first.

    >>> wrap("one two three", 8)
    ['one two', '  three']
    """
    if measure(line) <= width:
        return [line]
    pieces: list[str] = []
    first, *others = line.split(" ")
    current = first
    for word in others:
        if current.strip() and measure(f"{current} {word}") > width:
            pieces.append(current.rstrip())
            current = indent + word if word else indent.rstrip()
        else:
            current = f"{current} {word}"
    return [*pieces, current.rstrip()]
