"""Training, validation and test text, by named protocol; the protocol is stored with every result.

Axes: n character, l line.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Split
from charrnn_exp.config.schema import DatasetConfig
from charrnn_exp.data.corpus import Corpus, describe
from charrnn_exp.data.lines import LINE_BREAK, deal_lines, find_breaks, find_line_break, lay_out
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import UserError

LEAST_CHARACTERS = 2
"""Least length of a validation or test text: its first character has no prediction."""
CHARRNN_STREAMS = 50
KARPATHY2015_STREAMS = 100


@dataclass(frozen=True)
class Splits:
    """The splits of a text.

    Args:
        train_n: ids of the training text.
        val_n: ids of the validation text; None where the protocol has none.
        test_n: ids of the test text; None where the protocol has none.
        val_starts: index of the first character of each part of the validation text, in order. A part is scored from
            the first state of the network, not from the end of the part before.
        test_starts: the same of the test text.
        line_break: id of the line break where the text is a list of lines, whose splits are laid out as
            `data/lines.py` says; None: it is none.
    """

    train_n: Ids
    val_n: Ids | None
    test_n: Ids | None = None
    val_starts: tuple[int, ...] = (0,)
    test_starts: tuple[int, ...] = (0,)
    line_break: int | None = None

    def find_line_lengths(self) -> npt.NDArray[np.int64] | None:
        """Return the characters of each line of the training text, its line break included; None: it has no lines."""
        return None if self.line_break is None else np.diff(find_breaks(self.train_n, self.line_break))

    def count_lines(self) -> list[int] | None:
        """Return the number of lines of each split; None: they have no lines."""
        if self.line_break is None:
            return None
        found = [split_n for split_n in (self.train_n, self.val_n, self.test_n) if split_n is not None]
        return [len(find_breaks(split_n, self.line_break)) - 1 for split_n in found]

    def list_scored(self) -> dict[str, tuple[Ids, tuple[int, ...]]]:
        """Return ids and starts of the texts that the protocol has, validation before test."""
        found = {"val": (self.val_n, self.val_starts), "test": (self.test_n, self.test_starts)}
        return {name: (ids_n, starts) for name, (ids_n, starts) in found.items() if ids_n is not None}


def count_scored(ids_n: Ids, starts: Sequence[int]) -> int:
    """Return the number of scored characters of a text: all but the first of each part."""
    return len(ids_n) - len(starts)


@dataclass(frozen=True)
class _Lengths:
    """Characters of each split, in text order; None: the protocol has no such split."""

    train: int
    val: int | None
    test: int | None


def split_corpus(corpus: Corpus, dataset: DatasetConfig) -> Splits:
    """Return the splits of a text by `split_text`, or of a list of lines.

    Lines are not cut: those of each text are dealt by `deal_lines`, then the splits are as long as the protocol says,
    to the nearest end of a line, with equal lines on one side. Those of dataset.split=files are dealt in each file.

    Raises:
        UserError: as for `split_text`, or if a list of lines has no line break.
    """
    if not dataset.lines:
        return split_text(corpus.ids_n, dataset, corpus.num_by_part)
    if LINE_BREAK not in corpus.vocabulary.code_points:
        raise UserError(
            f"dataset must have a line break when dataset.lines=true, got none in {describe(dataset)}. "
            "dataset.newlines=lf makes line breaks of lone carriage returns."
        )
    line_break = find_line_break(corpus.vocabulary, lines=True)
    assert line_break is not None
    if dataset.split is Split.files:
        whole = split_text(corpus.ids_n, dataset, corpus.num_by_part)
        train_n, val_n, test_n = (
            None if part_n is None else deal_lines(lay_out(part_n, line_break), corpus.vocabulary, line_break)[0]
            for part_n in (whole.train_n, whole.val_n, whole.test_n)
        )
        assert train_n is not None
        return Splits(train_n, val_n, test_n, line_break=line_break)
    dealt_n, is_last_l = deal_lines(lay_out(corpus.ids_n, line_break), corpus.vocabulary, line_break)
    edges_l = np.append(0, find_breaks(dealt_n, line_break)[1:][is_last_l])
    lengths = _find_lengths(len(dealt_n) - 1, dataset)
    train_end = _find_nearest(edges_l, lengths.train)
    val_end = _find_nearest(edges_l, lengths.train + (lengths.val or 0))
    return Splits(
        dealt_n[: train_end + 1],
        None if lengths.val is None else dealt_n[train_end : val_end + 1],
        None if lengths.test is None else dealt_n[val_end:],
        line_break=line_break,
    )


def _find_nearest(edges_l: npt.NDArray[np.int64], wanted: int) -> int:
    return int(edges_l[np.argmin(np.abs(edges_l - wanted))])


def split_text(ids_n: Ids, dataset: DatasetConfig, num_by_part: Mapping[str, int] | None = None) -> Splits:
    """Cut the text by the protocol of `dataset.split`, without overlap or loss; counts are exact integers.

    In text order, as views of the text (// rounds down):

    nanogpt: train n * 9 // 10, validation the rest. Source: nanoGPT, data/shakespeare_char/prepare.py.
    torchrnn: validation n // 10 and test n // 10; train, which comes first, the rest. Source: torch-rnn,
        scripts/preprocess.py.
    tfds: train n * 9 // 10, validation half of the rest, rounded down, test what is left. Source: TensorFlow
        Datasets, tiny_shakespeare; 90/5/5 MB of enwik8 and text8 are the same.
    fraction: validation n * val_fraction and test n * test_fraction, rounded down; train, which comes first, the rest.
    files: the texts of dataset.path, val_path and test_path, num_by_part characters of each.
    none: all of it is training text.

    Along streams: the text is cut into `split_streams` streams, whose lengths differ by one character at most. Each
    stream is cut in text order, and the pieces of a split are laid end to end in the order of the streams. Those of a
    validation or test text are its parts: each is scored from an empty state, as in char-rnn.

    charrnn: 50 streams, train 19/20 of each rounded down, validation the rest. Source: char-rnn,
        util/CharSplitLMMinibatchLoader.lua, whose streams are those of its batches.
    karpathy2015: 100 streams, of each validation 1/10 and test 1/10, or what the fractions say, rounded down; train,
        which comes first, the rest. Source: Karpathy, Johnson and Fei-Fei 2015 (arXiv 1506.02078), section 4.1.

    Raises:
        UserError: if there are more streams than characters.
    """
    match dataset.split:
        case Split.charrnn:
            return _split_streams(ids_n, dataset, dataset.split_streams or CHARRNN_STREAMS)
        case Split.karpathy2015:
            return _split_streams(ids_n, dataset, dataset.split_streams or KARPATHY2015_STREAMS)
        case Split.files:
            assert num_by_part is not None
            val, test = num_by_part["train"], num_by_part["train"] + num_by_part["val"]
            return Splits(ids_n[:val], ids_n[val:test], ids_n[test:] if "test" in num_by_part else None)
        case _:
            return _cut(ids_n, dataset)


def check_splits(splits: Splits, dataset: DatasetConfig) -> None:
    """Refuse validation and test texts that are too short to be scored, naming the setting at fault.

    Raises:
        UserError: with a line for each.
    """
    total = sum(len(split_n) for split_n in (splits.train_n, splits.val_n, splits.test_n) if split_n is not None)
    problems = []
    for name, (split_n, starts) in splits.list_scored().items():
        longest = int(np.diff([*starts, len(split_n)]).max())
        if not longest >= LEAST_CHARACTERS:
            what, field = ("validation", "val_fraction") if name == "val" else ("test", "test_fraction")
            given = getattr(dataset, field)
            setting = f"dataset.split={dataset.split.name}" if given is None else f"dataset.{field}={given}"
            problems.append(
                f"{setting} must give a {what} text of at least {LEAST_CHARACTERS} characters, got {longest} of "
                f"{total}. Use a longer text or dataset.split=none."
            )
    if problems:
        raise UserError(*problems)


def cap_validation(splits: Splits, max_characters: int | None) -> Splits:
    """Return the splits with the validation text cut to its first max_characters; None: not cut.

    Of lines it keeps whole ones, at least the first.
    """
    if splits.val_n is None or max_characters is None:
        return splits
    if splits.line_break is not None:
        breaks_l = find_breaks(splits.val_n, splits.line_break)
        return replace(splits, val_n=splits.val_n[: breaks_l[breaks_l <= max(max_characters, *breaks_l[1:2])][-1] + 1])
    starts = tuple(start for start in splits.val_starts if start < max_characters)
    return replace(splits, val_n=splits.val_n[:max_characters], val_starts=starts)


def _find_lengths(num: int, dataset: DatasetConfig) -> _Lengths:
    """Return the lengths of the splits of a text, or of one stream, of `num` characters."""
    match dataset.split:
        case Split.nanogpt:
            return _Lengths(num * 9 // 10, num - num * 9 // 10, None)
        case Split.torchrnn:
            return _Lengths(num - 2 * (num // 10), num // 10, num // 10)
        case Split.tfds:
            rest = num - num * 9 // 10
            return _Lengths(num - rest, rest // 2, rest - rest // 2)
        case Split.charrnn:
            return _Lengths(num * 19 // 20, num - num * 19 // 20, None)
        case Split.karpathy2015:
            val, test = _share(num, dataset.val_fraction or 0.1), _share(num, dataset.test_fraction or 0.1)
            return _Lengths(num - val - test, val, test)
        case Split.fraction:
            val, test = _share(num, dataset.val_fraction or 0.0), _share(num, dataset.test_fraction or 0.0)
            return _Lengths(num - val - test, val, None if dataset.test_fraction is None else test)
        case Split.none:
            return _Lengths(num, None, None)
        case _:
            raise AssertionError(dataset.split)


def _share(num: int, fraction: float) -> int:
    """Return num * fraction rounded down, by the decimal digits of the fraction: 0.29 of 100 is 29, not 28."""
    return int(num * Fraction(str(fraction)))


def _cut(ids_n: Ids, dataset: DatasetConfig) -> Splits:
    """Return the splits of a text, or of one stream, as views."""
    lengths = _find_lengths(len(ids_n), dataset)
    val_ends = lengths.train + (lengths.val or 0)
    return Splits(
        ids_n[: lengths.train],
        None if lengths.val is None else ids_n[lengths.train : val_ends],
        None if lengths.test is None else ids_n[val_ends:],
    )


def _split_streams(ids_n: Ids, dataset: DatasetConfig, num_streams: int) -> Splits:
    num = len(ids_n)
    if not num_streams <= num:
        raise UserError(
            f"dataset.split_streams must be at most the number of characters ({num:,}), got {num_streams:,}. "
            "Use fewer, or another dataset.split."
        )
    edges = (i * num // num_streams for i in range(num_streams + 1))
    streams = [_cut(ids_n[start:stop], dataset) for start, stop in itertools.pairwise(edges)]
    val_n, val_starts = _join(stream.val_n for stream in streams)
    test_n, test_starts = _join(stream.test_n for stream in streams)
    train_n = np.concatenate([stream.train_n for stream in streams])
    return Splits(train_n, val_n, test_n, val_starts, test_starts)


def _join(pieces: Iterable[Ids | None]) -> tuple[Ids | None, tuple[int, ...]]:
    """Return the pieces of one split end to end, and their starts; None: the protocol has no such split."""
    found = [piece_n for piece_n in pieces if piece_n is not None]
    if not found:
        return None, (0,)
    lengths = [len(piece_n) for piece_n in found if len(piece_n)]
    return np.concatenate(found), tuple(itertools.accumulate(lengths[:-1], initial=0))
