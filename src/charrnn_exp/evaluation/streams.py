"""Streams of a scored text, which are read side by side, window by window.

Axes: b stream, t time, n character.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Ids

MAX_STREAMS = 64
"""Most streams of a text in one part; a text of more parts has a stream for each."""
STREAM_CHARACTERS = 1_600
"""Least length of a stream: a short text is read in few streams."""
MAX_WINDOW_CHARACTERS = 400
"""Most characters of each stream in a window."""
MAX_LOGITS = 8_000_000
"""Most logits of a window: with thousands of symbols, windows are shorter to save memory."""
MAX_PARTS = 4_096
"""Most parts of a text that are read side by side, fewer where symbols are many; the others follow."""
NONE = -1
"""No stream."""


@dataclass(frozen=True)
class Window:
    """Characters of all streams that are read at once.

    Args:
        ids_bt: int32, one longer than the other arrays (the last target); 0 after the end of a stream.
        is_scored_bt: whether the next character is scored; false after the end of a stream.
        ranks_bt: index of each target among all scored characters of the text.
    """

    ids_bt: npt.NDArray[np.int32]
    is_scored_bt: npt.NDArray[np.bool_]
    ranks_bt: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Streams:
    """The streams of a text. All but the last of a part have equally many characters, whole windows.

    Args:
        ids_n: the text.
        begins_b: index of the first input of each stream.
        lasts_b: index of the last target of each stream, which is the first input of the one that follows it.
        parts_b: number of the part that each stream lies in.
        length: characters of each window.
        num_windows: windows of each stream.
        first_rank: number of scored characters in the parts before.
    """

    ids_n: Ids
    begins_b: npt.NDArray[np.int64]
    lasts_b: npt.NDArray[np.int64]
    parts_b: npt.NDArray[np.int64]
    length: int
    num_windows: int
    first_rank: int = 0

    @property
    def num_streams(self) -> int:
        """Number of streams, b."""
        return len(self.begins_b)

    @property
    def num_scored(self) -> int:
        """Number of scored characters: all but the first of each part."""
        return int(np.sum(self.lasts_b - self.begins_b))

    def find_previous(self) -> npt.NDArray[np.int64]:
        """Return the number of the stream before each in its part; `NONE` for the first of a part."""
        numbers_b = np.arange(self.num_streams)
        is_first_b = np.r_[True, self.parts_b[1:] != self.parts_b[:-1]]
        return np.where(is_first_b, NONE, numbers_b - 1)

    def read_windows(self) -> Iterator[Window]:
        """Yield the windows in order, each cut when it is needed."""
        lasts_b1 = self.lasts_b[:, None]
        for number in range(self.num_windows):
            at_bt = self.begins_b[:, None] + number * self.length + np.arange(self.length + 1)
            ids_bt = np.where(at_bt <= lasts_b1, self.ids_n[np.minimum(at_bt, lasts_b1)], 0).astype(np.int32)
            inputs_bt = at_bt[:, :-1]
            yield Window(ids_bt, inputs_bt < lasts_b1, self.first_rank + inputs_bt - self.parts_b[:, None])


def cut_groups(ids_n: Ids, starts: Sequence[int], *, num_symbols: int) -> list[Streams]:
    """Cut a text into streams, in groups of parts that are read one after another; see `cut_streams`."""
    most = min(MAX_PARTS, max(MAX_STREAMS, MAX_LOGITS // num_symbols))
    groups = []
    for first in range(0, len(starts), most):
        edges = [*starts[first : first + most + 1], len(ids_n)][: most + 1]
        relative = [start - edges[0] for start in edges[:-1]]
        if edges[-1] - edges[0] > len(relative):  # else no part has a character to score
            streams = cut_streams(ids_n[edges[0] : edges[-1]], relative, num_symbols=num_symbols)
            groups.append(replace(streams, first_rank=edges[0] - first))
    return groups


def cut_streams(ids_n: Ids, starts: Sequence[int], *, num_symbols: int) -> Streams:
    """Cut a text into streams.

    Args:
        ids_n: the text, at least two characters.
        starts: index of the first character of each part, in order; the first is 0.
        num_symbols: size of the vocabulary.
    """
    edges = np.array([*starts, len(ids_n)], dtype=np.int64)
    num_targets = np.diff(edges) - 1
    longest, per_part = int(num_targets.max()), max(1, MAX_STREAMS // len(starts))
    wanted = min(longest, max(STREAM_CHARACTERS, -(-longest // per_part)))
    num_streams = -(-num_targets // wanted)
    largest_window = max(1, min(MAX_WINDOW_CHARACTERS, MAX_LOGITS // (int(num_streams.sum()) * num_symbols)))
    num_windows = -(-wanted // largest_window)
    length = -(-wanted // num_windows)
    stream_characters = length * num_windows
    begins = [np.arange(first, stop - 1, stream_characters) for first, stop in itertools.pairwise(edges)]
    begins_b = np.concatenate(begins)
    parts_b = np.repeat(np.arange(len(starts)), [len(each) for each in begins])
    lasts_b = np.minimum(begins_b + stream_characters, edges[parts_b + 1] - 1)
    return Streams(ids_n, begins_b, lasts_b, parts_b, length, num_windows)


def cut_windows(ids_n: Ids, starts: Sequence[int], length: int) -> tuple[Ids, tuple[int, ...]]:
    """Return a text as parts of so many scored characters, each after one that is read alone; all are scored once.

    Args:
        ids_n: the text.
        starts: index of the first character of each part, in order; the first is 0.
        length: scored characters of a part, but for the last ones.
    """
    edges = np.array([*starts, len(ids_n)], dtype=np.int64)
    pieces = [
        ids_n[begin : min(begin + length, stop - 1) + 1]
        for first, stop in itertools.pairwise(edges)
        for begin in range(first, stop - 1, length)
    ]
    return np.concatenate(pieces), tuple(np.cumsum([0, *map(len, pieces[:-1])]).tolist())
