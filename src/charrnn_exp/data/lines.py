"""Texts that are lists of lines: names, titles, tunes.

Ids are laid out so that each line ends with a line break and starts after one: that before it, which for the first line
is put in front of the text. So the line break is both the symbol that a model reads before a line and the last one that
it predicts of a line, and all characters but the first of a laid out text are predicted.

Axes: n character, l line.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Ids, Vocabulary

LINE_BREAK = ord("\n")
BLOCK_CHARACTERS = 1 << 20
"""Least length of the blocks of whole lines that are turned into bytes at once."""


def find_line_break(vocabulary: Vocabulary, *, lines: bool) -> int | None:
    """Return the id of the line break of a text that is a list of lines; None: it is none."""
    return vocabulary.code_points.index(LINE_BREAK) if lines else None


def lay_out(ids_n: Ids, line_break: int) -> Ids:
    """Return the text with a line break in front of it, and one after its last line where that has none."""
    edge_n = np.array([line_break], ids_n.dtype)
    is_ended = not len(ids_n) or ids_n[-1] == line_break
    return np.concatenate([edge_n, ids_n] if is_ended else [edge_n, ids_n, edge_n])


def find_breaks(ids_n: Ids, line_break: int) -> npt.NDArray[np.int64]:
    """Return the index of each line break: of n lines of a laid out text n + 1."""
    return np.flatnonzero(ids_n == line_break)


def deal_lines(ids_n: Ids, vocabulary: Vocabulary, line_break: int) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Return the lines of a laid out text in an order that theirs has no part in, laid out.

    They come in the order of the SHA-256 of their bytes (UTF-8, or the bytes of the text where they are its symbols),
    so that a part of them is as good as any other, in whatever order the file has them, and equal lines stand together.

    Returns:
        The ids, and for each line whether the next one is another.
    """
    breaks_l = find_breaks(ids_n, line_break)
    digests = [hashlib.sha256(line).digest()[:8] for line in iterate_lines(ids_n, vocabulary, line_break)]
    keys_l = np.frombuffer(b"".join(digests), ">u8")
    order_l = np.argsort(keys_l, kind="stable")
    pieces = [ids_n[breaks_l[at] + 1 : breaks_l[at + 1] + 1] for at in order_l]
    is_last_l = np.diff(keys_l[order_l], append=keys_l[order_l[-1:]] + np.uint64(1)) != 0
    return np.concatenate([ids_n[:1], *pieces]), is_last_l


def iterate_lines(ids_n: Ids, vocabulary: Vocabulary, line_break: int) -> Iterator[bytes]:
    """Yield the bytes of each line of a laid out text, without its line break."""
    breaks_l = find_breaks(ids_n, line_break)
    start = 0
    while start < len(breaks_l) - 1:
        reach = breaks_l[start] + BLOCK_CHARACTERS
        stop = max(start + 1, int(np.searchsorted(breaks_l, reach, side="right")) - 1)
        yield from vocabulary.to_bytes(ids_n[breaks_l[start] + 1 : breaks_l[stop]]).split(b"\n")
        start = stop
