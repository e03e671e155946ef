"""Named protocols cut a text into splits that hold all of it, once, in order."""

import itertools
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Split, Unit
from charrnn_exp.config.schema import Config, DatasetConfig
from charrnn_exp.data.corpus import load_corpus
from charrnn_exp.data.lines import find_breaks, iterate_lines
from charrnn_exp.data.splits import Splits, cap_validation, check_splits, count_scored, split_corpus, split_text
from charrnn_exp.errors import UserError
from tests.data.conftest import MakeDataset

IN_ORDER = [Split.nanogpt, Split.torchrnn, Split.tfds, Split.fraction, Split.none]
LENGTHS = [0, 1, 2, 9, 10, 11, 19, 20, 101, 997, 5_003]
SHAKESPEARE = 1_115_394


@pytest.fixture
def describe(defaults: Config) -> Any:
    """Return a function from a protocol to a dataset that is split by it, in 7 streams where it has streams."""

    def change(protocol: Split, **changes: Any) -> DatasetConfig:
        streams = None if protocol in IN_ORDER else 7
        fraction = 0.15 if protocol is Split.fraction else None
        options = {"split": protocol, "split_streams": streams, "val_fraction": fraction, **changes}
        return replace(defaults.dataset, **options)

    return change


def list_splits(splits: Splits) -> list[np.ndarray]:
    return [split_n for split_n in (splits.train_n, splits.val_n, splits.test_n) if split_n is not None]


def count(splits: Splits) -> tuple[int | None, ...]:
    return tuple(None if split_n is None else len(split_n) for split_n in (splits.train_n, splits.val_n, splits.test_n))


def text_of(num_characters: int) -> np.ndarray:
    """A text of any length that takes no memory."""
    return np.broadcast_to(np.uint8(3), (num_characters,))


@pytest.mark.parametrize("protocol", [split for split in Split if split is not Split.files])
def test_nothing_is_lost_or_doubled_whatever_the_length(describe: Any, protocol: Split) -> None:
    for num_characters in [*LENGTHS, *range(40, 80)]:
        ids_n = np.arange(num_characters, dtype=np.uint16)
        if protocol not in IN_ORDER and num_characters < 7:
            continue  # fewer characters than streams
        dataset = describe(protocol)
        splits = list_splits(split_text(ids_n, dataset))
        assert sorted(np.concatenate(splits).tolist()) == ids_n.tolist()
        assert all(np.all(np.diff(split_n.astype(np.int64)) > 0) for split_n in splits), "a part is not in text order"
        assert all(split_n.dtype == ids_n.dtype for split_n in splits)


@pytest.mark.parametrize("protocol", IN_ORDER)
def test_in_order_the_parts_laid_end_to_end_are_the_text_and_take_no_memory(describe: Any, protocol: Split) -> None:
    ids_n = np.arange(101, dtype=np.uint8)
    splits = list_splits(split_text(ids_n, describe(protocol)))
    assert np.concatenate(splits).tolist() == ids_n.tolist()
    assert all(np.shares_memory(split_n, ids_n) for split_n in splits)


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (Split.nanogpt, (1_003_854, 111_540, None)),
        (Split.torchrnn, (892_316, 111_539, 111_539)),
        (Split.tfds, (1_003_854, 55_770, 55_770)),
        (Split.none, (SHAKESPEARE, None, None)),
    ],
)
def test_tiny_shakespeare_is_cut_where_the_sources_cut_it(
    describe: Any, protocol: Split, expected: tuple[int | None, ...]
) -> None:
    assert count(split_text(text_of(SHAKESPEARE), describe(protocol))) == expected


def test_tiny_shakespeares_streams_give_their_ends(defaults: Config) -> None:
    for protocol, streams, expected in (
        (Split.charrnn, 50, (1_059_594, 55_800, None)),
        (Split.karpathy2015, 100, (892_394, 111_500, 111_500)),
    ):
        splits = split_text(text_of(SHAKESPEARE), replace(defaults.dataset, split=protocol))
        assert count(splits) == expected
        long, short = -(-SHAKESPEARE // streams), SHAKESPEARE // streams
        num_long = SHAKESPEARE % streams
        share = 20 if protocol is Split.charrnn else 10
        val = (lambda num: num - num * 19 // 20) if share == 20 else (lambda num: num // 10)
        assert expected[1] == num_long * val(long) + (streams - num_long) * val(short)


def test_the_file_itself_has_the_length_that_the_counts_are_of() -> None:
    path = Path(os.environ.get("CHARRNN_DATA_DIR", "")) / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip("tiny Shakespeare is not here")
    assert path.stat().st_size == SHAKESPEARE


@pytest.mark.parametrize("num_characters", [*range(40), SHAKESPEARE, 6_206_996, 10**15 + 7])
def test_shares_are_rounded_as_whole_numbers_are(describe: Any, num_characters: int) -> None:
    tenth, nine_tenths = num_characters // 10, (9 * num_characters - 9 * num_characters % 10) // 10
    ids_n = text_of(num_characters)
    rest = num_characters - nine_tenths
    assert count(split_text(ids_n, describe(Split.nanogpt))) == (nine_tenths, rest, None)
    assert count(split_text(ids_n, describe(Split.torchrnn))) == (num_characters - 2 * tenth, tenth, tenth)
    assert count(split_text(ids_n, describe(Split.tfds))) == (nine_tenths, rest // 2, rest - rest // 2)


@pytest.mark.parametrize("hundredths", range(1, 100))
def test_a_fraction_is_the_number_that_was_typed(describe: Any, hundredths: int) -> None:
    """0.29 * 100 is 28.999999999999996 in floats."""
    dataset = describe(Split.fraction, val_fraction=hundredths / 100)
    assert count(split_text(text_of(100), dataset)) == (100 - hundredths, hundredths, None)


def test_fractions_lie_in_the_order_train_validation_test(describe: Any) -> None:
    ids_n = np.arange(103, dtype=np.uint8)
    splits = split_text(ids_n, describe(Split.fraction, val_fraction=0.2, test_fraction=0.05))
    assert [split_n.tolist() for split_n in list_splits(splits)] == [[*range(78)], [*range(78, 98)], [*range(98, 103)]]
    tiny = describe(Split.fraction, val_fraction=1e-05)
    assert count(split_text(text_of(300_000), tiny)) == (299_997, 3, None)


@pytest.mark.parametrize("num_characters", [23, 24, 25, 26, 27, 50_021])
def test_streams_differ_by_one_character_at_most_and_each_gives_its_end(describe: Any, num_characters: int) -> None:
    """The naive way: mark for each stream where it lies, then look at what each part has of it."""
    ids_n = np.arange(num_characters, dtype=np.uint32)
    stream_n = np.searchsorted([i * num_characters // 7 for i in range(1, 7)], ids_n, side="right")
    lengths = np.bincount(stream_n, minlength=7)
    assert (len(lengths), lengths.sum()) == (7, num_characters)
    assert np.ptp(lengths) <= 1
    splits = split_text(ids_n, describe(Split.karpathy2015, val_fraction=0.25, test_fraction=0.125))
    for stream in range(7):
        own = [split_n[stream_n[split_n] == stream].tolist() for split_n in list_splits(splits)]
        assert [*itertools.chain(*own)] == ids_n[stream_n == stream].tolist(), "a stream is not cut in order"
        val, test = int(lengths[stream] * Fraction(1, 4)), int(lengths[stream] * Fraction(1, 8))
        assert [len(part) for part in own] == [lengths[stream] - val - test, val, test]


@pytest.mark.parametrize("num_characters", [7, 25, 60, 71, 50_021])
def test_the_parts_of_a_split_start_where_its_streams_do(describe: Any, num_characters: int) -> None:
    ids_n = np.arange(num_characters, dtype=np.uint32)
    stream_n = np.searchsorted([i * num_characters // 7 for i in range(1, 7)], ids_n, side="right")
    splits = split_text(ids_n, describe(Split.karpathy2015, val_fraction=0.25, test_fraction=0.125))
    for split_n, starts in ((splits.val_n, splits.val_starts), (splits.test_n, splits.test_starts)):
        assert split_n is not None
        streams_n = stream_n[split_n]
        assert starts == (0, *(np.flatnonzero(np.diff(streams_n)) + 1).tolist())
        assert count_scored(split_n, starts) == len(split_n) - len(starts)


def test_a_cap_on_the_validation_text_keeps_the_parts_below_it(describe: Any) -> None:
    splits = split_text(np.arange(700, dtype=np.uint32), describe(Split.karpathy2015))
    assert splits.val_starts == (0, 10, 20, 30, 40, 50, 60)
    capped = cap_validation(splits, 21)
    assert capped.val_n is not None
    assert (len(capped.val_n), capped.val_starts, capped.test_starts) == (21, (0, 10, 20), splits.test_starts)


def test_streams_whose_ends_have_one_character_each_are_told(describe: Any) -> None:
    dataset = describe(Split.karpathy2015, val_fraction=0.1, test_fraction=0.2)
    with pytest.raises(UserError) as caught:
        check_splits(split_text(np.arange(70, dtype=np.uint8), dataset), dataset)
    assert caught.value.lines == [
        "dataset.val_fraction=0.1 must give a validation text of at least 2 characters, got 1 of 70. "
        "Use a longer text or dataset.split=none."
    ]


def test_one_stream_is_the_text_in_order(describe: Any) -> None:
    ids_n = np.arange(2_003, dtype=np.uint32)
    splits = split_text(ids_n, describe(Split.karpathy2015, split_streams=1))
    in_order = split_text(ids_n, describe(Split.torchrnn))
    assert [split_n.tolist() for split_n in list_splits(splits)] == [
        split_n.tolist() for split_n in list_splits(in_order)
    ]


def test_more_streams_than_characters_are_the_users_mistake(describe: Any) -> None:
    with pytest.raises(UserError) as caught:
        split_text(text_of(20), describe(Split.charrnn, split_streams=10**9))
    assert caught.value.lines == [
        "dataset.split_streams must be at most the number of characters (20), got 1,000,000,000. "
        "Use fewer, or another dataset.split."
    ]


def test_a_text_of_bytes_is_cut_by_its_bytes_with_its_marks_and_line_ends(
    describe: Any, make_dataset: MakeDataset
) -> None:
    content = b"\xef\xbb\xbf" + b"It was on a dreary night\r\n" * 100
    corpus = load_corpus(make_dataset(content, unit=Unit.byte))
    splits = split_text(corpus.ids_n, describe(Split.karpathy2015, unit=Unit.byte))
    train, val, test = (corpus.vocabulary.to_bytes(split_n) for split_n in list_splits(splits))
    edges = [i * len(content) // 7 for i in range(8)]
    streams = [content[a:b] for a, b in itertools.pairwise(edges)]
    tenths = [len(stream) // 10 for stream in streams]
    assert train.startswith(b"\xef\xbb\xbf")
    assert test == b"".join(stream[-tenth:] for stream, tenth in zip(streams, tenths, strict=True))
    assert val == b"".join(stream[-2 * tenth : -tenth] for stream, tenth in zip(streams, tenths, strict=True))
    assert sorted(train + val + test) == sorted(content)


@pytest.mark.parametrize(
    ("protocol", "changes", "num_characters", "expected"),
    [
        (Split.nanogpt, {}, 10, ["dataset.split=nanogpt must give a validation text"]),
        (Split.tfds, {}, 29, ["dataset.split=tfds must give a validation text"]),
        (Split.torchrnn, {}, 19, ["dataset.split=torchrnn must give a validation text",
                                  "dataset.split=torchrnn must give a test text"]),
        (Split.fraction, {"val_fraction": 0.01}, 199, ["dataset.val_fraction=0.01 must give a validation text"]),
        (Split.fraction, {"val_fraction": 0.1, "test_fraction": 0.01}, 199,
         ["dataset.test_fraction=0.01 must give a test text"]),
        (Split.nanogpt, {}, 11, []),
        (Split.tfds, {}, 31, []),
        (Split.torchrnn, {}, 20, []),
        (Split.fraction, {"val_fraction": 0.01}, 200, []),
        (Split.none, {}, 1, []),
    ],
)  # fmt: skip
def test_a_part_without_a_target_is_told_by_the_setting_that_makes_it(
    describe: Any, protocol: Split, changes: dict[str, float], num_characters: int, expected: list[str]
) -> None:
    dataset = describe(protocol, **changes)
    splits = split_text(text_of(num_characters), dataset)
    if not expected:
        check_splits(splits, dataset)
        return
    with pytest.raises(UserError) as caught:
        check_splits(splits, dataset)
    told = [f"{start} of at least 2 characters, got {got} of {num_characters}. Use a longer text or dataset.split=none."
            for start, got in zip(expected, [1, 1], strict=False)]  # fmt: skip
    assert caught.value.lines == told


def test_only_validation_is_capped_and_by_its_first_characters(describe: Any) -> None:
    splits = split_text(np.arange(200, dtype=np.uint8), describe(Split.torchrnn))
    capped = cap_validation(splits, 7)
    assert capped.val_n is not None
    assert capped.val_n.tolist() == [*range(160, 167)]
    assert (capped.train_n is splits.train_n, capped.test_n is splits.test_n) == (True, True)
    assert count(cap_validation(splits, 1_000)) == count(cap_validation(splits, None)) == (160, 20, 20)
    assert count(cap_validation(split_text(text_of(9), describe(Split.none)), 7)) == (9, None, None)


NAMES = sorted(f"{first}{last}" for first in ("an", "bert", "cla", "do") for last in ("a", "e", "ina", "olf", "", "us"))


def list_lines(splits: Splits, corpus: Any) -> list[list[str]]:
    assert splits.line_break is not None
    return [
        [line.decode() for line in iterate_lines(split_n, corpus.vocabulary, splits.line_break)]
        for split_n in list_splits(splits)
    ]


@pytest.mark.parametrize("protocol", [Split.nanogpt, Split.torchrnn, Split.tfds, Split.fraction, Split.none])
def test_lines_are_dealt_whole_and_each_to_one_split(make_dataset: MakeDataset, describe: Any, protocol: Split) -> None:
    """Half of the names stand there twice; all copies of one go the same way."""
    names = NAMES + NAMES[::2]
    dataset = replace(make_dataset("\n".join(names).encode()), lines=True, split=protocol)
    dataset = replace(dataset, val_fraction=describe(protocol).val_fraction)
    corpus = load_corpus(dataset)
    splits = split_corpus(corpus, dataset)
    found = list_lines(splits, corpus)
    assert sorted(line for part in found for line in part) == sorted(names)
    assert len(found) == (1 if protocol is Split.none else 3 if protocol in (Split.torchrnn, Split.tfds) else 2)
    for one, two in itertools.combinations(found, 2):
        assert not set(one) & set(two)
    total, longest = sum(len(name) + 1 for name in names), 2 * max(len(name) + 1 for name in names)
    wanted = count(split_text(text_of(total), dataset))
    for split_n, expected in zip(list_splits(splits), [each for each in wanted if each is not None], strict=True):
        assert abs(len(split_n) - 1 - expected) <= longest
    assert splits.count_lines() == [len(part) for part in found]
    lengths_l = splits.find_line_lengths()
    assert lengths_l is not None
    assert lengths_l.tolist() == [len(name) + 1 for name in found[0]]


def test_a_sorted_list_is_not_split_by_the_alphabet(make_dataset: MakeDataset) -> None:
    dataset = replace(make_dataset("\n".join(f"{i:04d}" for i in range(2_000)).encode()), lines=True)
    corpus = load_corpus(dataset)
    val = [int(line) for line in list_lines(split_corpus(corpus, dataset), corpus)[1]]
    assert len(val) == 200
    halves = sum(number < 1_000 for number in val)
    assert 60 < halves < 140, "100 +- 7 by a fair deal"


def test_lines_of_files_stay_in_their_splits(make_dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("ab\nba")
    (tmp_path / "test.txt").write_text("b\n")
    dataset = replace(
        make_dataset(b"aa\nbb\na"),
        lines=True,
        split=Split.files,
        val_path=str(tmp_path / "val.txt"),
        test_path=str(tmp_path / "test.txt"),
    )
    corpus = load_corpus(dataset)
    found = list_lines(split_corpus(corpus, dataset), corpus)
    assert [sorted(part) for part in found] == [["a", "aa", "bb"], ["ab", "ba"], ["b"]]


def test_a_text_without_a_line_break_is_no_list_of_lines(make_dataset: MakeDataset) -> None:
    dataset = replace(make_dataset(b"one name"), lines=True, name="file")
    with pytest.raises(UserError, match=r"dataset must have a line break when dataset\.lines=true, got none in "):
        split_corpus(load_corpus(dataset), dataset)


@pytest.mark.parametrize(("most", "kept"), [(2, 1), (9, 1), (12, 2), (1_000, 24)])
def test_a_capped_validation_text_of_lines_keeps_whole_ones(make_dataset: MakeDataset, most: int, kept: int) -> None:
    """Its lines have four characters and a break."""
    names = "\n".join(f"{i:04d}" for i in range(48))
    dataset = replace(make_dataset(names.encode()), lines=True, split=Split.fraction, val_fraction=0.5)
    splits = split_corpus(load_corpus(dataset), dataset)
    assert splits.line_break is not None
    capped = cap_validation(splits, most)
    assert capped.val_n is not None
    assert splits.val_n is not None
    assert len(find_breaks(capped.val_n, splits.line_break)) - 1 == kept
    assert capped.val_n.tolist() == splits.val_n[: len(capped.val_n)].tolist()
    assert (capped.train_n.tolist(), capped.line_break) == (splits.train_n.tolist(), splits.line_break)
