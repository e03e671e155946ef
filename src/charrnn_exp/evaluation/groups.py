"""Groups of the characters of a text: kind of symbol, position in the line, position in the word; and its words.

Axes: n character, p scored character, u distinct value, v vocabulary.
"""

import itertools
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Ids, Vocabulary
from charrnn_exp.evaluation.details import Grouping, Groups

CLASSES = ("letters", "capitals", "digits", "blanks", "brackets", "other signs", "other scripts")
LINE_EDGES = (1, 2, 3, 5, 9, 17, 33, 65)
WORD_EDGES = (1, 2, 3, 4, 5, 9)
"""First position of each group."""
PIECE = 1 << 20
"""Characters that are looked at at once, to save memory."""


def find_class(point: int, unit: Unit) -> str:
    """Return the class of a symbol, one of `CLASSES`, which are a partition of all symbols.

    blanks: white space by `str.isspace` (`bytes.isspace`), ends of lines among it. digits: Unicode's categories N.
    brackets: Ps and Pe, not < and >. capitals and letters: letters of the Latin script, Lu and Lt, and the others.
    other scripts: letters and marks of all others, and bytes from 0x80 on. other signs: the rest: punctuation, symbols,
    controls.

    Args:
        point: code point, or byte.
        unit: which of them.

    >>> [find_class(ord(c), Unit.char) for c in "aA4 (<"]
    ['letters', 'capitals', 'digits', 'blanks', 'brackets', 'other signs']
    """
    symbol = chr(point)
    if unit is Unit.byte and point >= 0x80:
        return "other scripts"
    category = unicodedata.category(symbol)
    if bytes([point]).isspace() if unit is Unit.byte else symbol.isspace():
        return "blanks"
    if category in ("Ps", "Pe"):
        return "brackets"
    match category[0]:
        case "N":
            return "digits"
        case "L" if "LATIN " in unicodedata.name(symbol, ""):
            return "capitals" if category in ("Lu", "Lt") else "letters"
        case "L" | "M":
            return "other scripts"
        case _:
            return "other signs"


def group_characters(ids_n: Ids, starts: Sequence[int], vocabulary: Vocabulary) -> Groups:
    """Return the partitions of the scored characters of a text by class of symbol and by position.

    A line ends with a line feed, which is the last character of its line; a word is a run of characters that are not
    white space. Positions count from 1; both begin anew at the start of a part.

    Args:
        ids_n: the text.
        starts: index of the first character of each part, which is not scored.
        vocabulary: of the ids.
    """
    classes_v = [find_class(point, vocabulary.unit) for point in vocabulary.code_points]
    numbers_v = np.array([CLASSES.index(each) for each in classes_v], np.uint8)
    is_blank_v = numbers_v == CLASSES.index("blanks")
    is_feed_v = np.array(vocabulary.code_points) == ord("\n")
    scored_n = np.ones(len(ids_n), np.bool_)
    scored_n[list(starts)] = False

    in_line_n, in_word_n = np.empty(len(ids_n), np.uint8), np.empty(len(ids_n), np.uint8)
    for piece, begins_n in _find_runs(ids_n, starts, is_feed_v):
        in_line_n[piece] = _find_group(np.arange(piece.start, piece.stop) - begins_n, LINE_EDGES)
    for piece, begins_n in _find_runs(ids_n, starts, is_blank_v):
        groups_n = _find_group(np.arange(piece.start, piece.stop) - begins_n, WORD_EDGES)
        in_word_n[piece] = np.where(is_blank_v[ids_n[piece]], len(WORD_EDGES), groups_n)
    return {
        "symbol": Grouping(CLASSES, numbers_v[ids_n[scored_n]]),
        "position in line": Grouping(_label(LINE_EDGES), in_line_n[scored_n]),
        "position in word": Grouping((*_label(WORD_EDGES), "white space"), in_word_n[scored_n]),
    }


def count_words(ids_n: Ids, starts: Sequence[int], vocabulary: Vocabulary) -> int:
    """Return the number of words: runs of characters that are not white space, as `split` makes them of each part."""
    is_blank_v = np.array([find_class(point, vocabulary.unit) == "blanks" for point in vocabulary.code_points])
    is_blank_n = is_blank_v[ids_n]
    follows_blank_n = np.r_[True, is_blank_n[:-1]]
    follows_blank_n[list(starts)] = True
    return int(np.count_nonzero(~is_blank_n & follows_blank_n))


def _find_runs(
    ids_n: Ids, starts: Sequence[int], ends_v: npt.NDArray[np.bool_]
) -> Iterator[tuple[slice, npt.NDArray[np.int64]]]:
    """Yield pieces of the text, and for each character where its run begins: after a symbol that ends one, or a start.

    Args:
        ids_n: the text.
        starts: index of the first character of each part.
        ends_v: whether a symbol ends a run.
    """
    begin = 0
    for first in range(0, len(ids_n), PIECE):
        piece = slice(first, min(first + PIECE, len(ids_n)))
        begins_n = np.zeros(piece.stop - first, np.int64)
        begins_n[0] = begin
        after_n = np.flatnonzero(ends_v[ids_n[first : piece.stop - 1]]) + 1
        begins_n[after_n] = after_n + first
        if first and ends_v[ids_n[first - 1]]:
            begins_n[0] = first
        inside = [start for start in starts if first <= start < piece.stop]
        begins_n[np.array(inside, np.int64) - first] = inside
        begins_n = np.maximum.accumulate(begins_n)
        begin = int(begins_n[-1])
        yield piece, begins_n


def _find_group(positions_n: npt.NDArray[np.int64], edges: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return the group of positions that count from 0."""
    return (np.searchsorted(edges, positions_n + 1, side="right") - 1).astype(np.uint8)


def _label(edges: Sequence[int]) -> tuple[str, ...]:
    """Return the labels of positions from each edge to the next.

    >>> _label((1, 2, 3, 5))
    ('1', '2', '3-4', '5 on')
    """
    pairs = itertools.pairwise(edges)
    return (*(str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in pairs), f"{edges[-1]} on")
