"""Properties of a text that a cell may follow, each a plain function of the text alone.

Axes: n character.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TAB = 8
"""Columns from one tab stop to the next."""
LEAST_RUNS = 8
"""Fewest stretches with a property in a text from which something about it can be learned."""
WORD = re.compile(r"\w+")
URL = re.compile(r"(?:https?|ftp)://[^\s\"'<>)]+|\bwww\.[^\s\"'<>)]+")
MARKS = re.compile(
    r"(?P<url>(?:https?|ftp)://[^\s\"'<>)]+)"
    r"|(?P<comment>/\*.*?(?:\*/|\Z)|<!--.*?(?:-->|\Z)|//[^\n]*|\#(?=[\s!\#])[^\n]*)"
    r"|(?P<quote>\"\"\".*?(?:\"\"\"|\Z)|\"(?:\\[^\n]|[^\"\\\n])*\"?"
    r"|(?<!\w)'(?:\\[^\n]|[^'\\\n])*'|\u201c[^\u201d]*\u201d?)",
    re.DOTALL,
)
"""What is met first wins: a mark in a comment opens no quotation, `//` in an address no comment."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """A property of the characters of a text.

    Args:
        name: a few words.
        meaning: its definition, one sentence.
        find: returns a number for each character; of a property that holds or not, 1 or 0.
        is_graded: whether it is a number; else it holds or not.
    """

    name: str
    meaning: str
    find: Callable[[str], Values]
    is_graded: bool = False


def find_position(text: str) -> Values:
    """Return the number of characters before each one in its line.

    >>> find_position("ab\\nc").tolist()
    [0.0, 1.0, 2.0, 0.0]
    """
    lengths = _measure_lines(text)
    return np.concatenate([np.arange(length, dtype=np.float64) for length in lengths] or [np.zeros(0)])


def find_indentation(text: str) -> Values:
    """Return the columns of blanks at the start of the line, as far as it is read; a tab goes to the next stop.

    >>> find_indentation("  a b\\n\\tc").tolist()
    [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 8.0, 8.0]
    """
    values_n, columns, is_start = np.zeros(len(text)), 0, True
    for i, symbol in enumerate(text):
        if is_start and symbol == " ":
            columns += 1
        elif is_start and symbol == "\t":
            columns += TAB - columns % TAB
        else:
            is_start = False
        values_n[i] = columns
        if symbol == "\n":
            columns, is_start = 0, True
    return values_n


def find_quotes(text: str) -> Values:
    """Return where a quotation is open: from its mark to the one before the closing mark.

    >>> find_quotes('a "b" c').tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    spans = ((start, stop - 1 if _is_closed(text[start:stop]) else stop) for start, stop in _find_marks(text, "quote"))
    return _mark(text, spans)


def find_comments(text: str) -> Values:
    """Return where a comment is open.

    >>> find_comments("a // b\\nc # d").tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """
    return _mark(text, _find_marks(text, "comment"))


def find_brackets(text: str) -> Values:
    """Return where a round or square bracket is open, from it to the character before the closing one.

    >>> find_brackets("a(b[c])d").tolist()
    [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    return (_count_open(text, "([", ")]") > 0).astype(np.float64)


def find_depth(text: str) -> Values:
    """Return the number of open brackets of all three kinds.

    >>> find_depth("{(a)}").tolist()
    [1.0, 2.0, 2.0, 1.0, 0.0]
    """
    return _count_open(text, "([", ")]") + _count_open(text, "{", "}", forgets=False)


def find_capitals(text: str) -> Values:
    """Return where a word has two capitals and no small letter.

    >>> find_capitals("Ab CD_2").tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    """
    return _mark(text, (found.span() for found in WORD.finditer(text) if _is_loud(found[0])))


def find_word_ends(text: str) -> Values:
    """Return which characters are the last of a word.

    >>> find_word_ends("ab c").tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    return _mark(text, ((found.end() - 1, found.end()) for found in WORD.finditer(text)))


def find_urls(text: str) -> Values:
    """Return which characters are of an address.

    >>> find_urls("at http://a b").tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    return _mark(text, (found.span() for found in URL.finditer(text)))


FEATURES = (
    Feature("position in line", "Characters before this one in its line.", find_position, is_graded=True),
    Feature(
        "indentation",
        "Columns of blanks at the start of the line, as far as it is read; a tab goes to the next multiple of 8.",
        find_indentation,
        is_graded=True,
    ),
    Feature(
        "inside quotes",
        "From a quotation mark to the character before the one that closes it, at most to the end of the line; an "
        "apostrophe within or after a word opens none. Three marks in a row open a quotation of several lines.",
        find_quotes,
    ),
    Feature(
        "inside brackets",
        "From ( or [ to the character before the one that closes it; an empty line closes all.",
        find_brackets,
    ),
    Feature(
        "depth of brackets",
        "Number of open ( [ and {; an empty line closes all ( and [.",
        find_depth,
        is_graded=True,
    ),
    Feature(
        "inside a comment",
        "/* to */, <!-- to -->, // or # to the end of the line, where a blank, ! or # follows the #.",
        find_comments,
    ),
    Feature(
        "word in capitals",
        "All of a word (letters, digits, _) that has two capitals or more and no small letter.",
        find_capitals,
    ),
    Feature("end of word", "The last character of a word (letters, digits, _).", find_word_ends),
    Feature("inside an address", "From http://, https://, ftp:// or www. to a blank or a closing mark.", find_urls),
)


def count_runs(values_n: Values) -> int:
    """Return the stretches in which a property holds; of a graded one, those between its changes.

    >>> count_runs(np.array([0.0, 1.0, 1.0, 0.0, 1.0]))
    2
    """
    changes_n = np.diff(values_n, prepend=0.0) != 0
    return int(np.count_nonzero(changes_n & (values_n != 0)))


def _measure_lines(text: str) -> list[int]:
    """Return the characters of each line; the line break alone ends one."""
    ends = [i + 1 for i, symbol in enumerate(text) if symbol == "\n"]
    edges = [0, *ends, *([len(text)] if not ends or ends[-1] < len(text) else [])]
    return [after - before for before, after in itertools.pairwise(edges)]


def _find_marks(text: str, kind: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in MARKS.finditer(text) if found.lastgroup == kind)


def _is_closed(quotation: str) -> bool:
    return len(quotation) > 1 and quotation[-1] in {'"': '"', "'": "'", "\u201c": "\u201d"}[quotation[0]]


def _is_loud(word: str) -> bool:
    return sum(map(str.isupper, word)) > 1 and not any(map(str.islower, word))


def _mark(text: str, spans: Iterator[tuple[int, int]]) -> Values:
    values_n = np.zeros(len(text))
    for start, stop in spans:
        values_n[start:stop] = 1.0
    return values_n


def _count_open(text: str, opening: str, closing: str, *, forgets: bool = True) -> Values:
    """Return the number of open brackets after each character; an empty line closes all where `forgets` says so."""
    values_n, depth, before = np.zeros(len(text)), 0, ""
    for i, symbol in enumerate(text):
        if symbol in opening:
            depth += 1
        elif symbol in closing:
            depth = max(0, depth - 1)
        elif forgets and symbol == before == "\n":
            depth = 0
        values_n[i] = depth
        before = symbol
    return values_n
