"""Streams of a scored text."""

import tracemalloc

import numpy as np
import pytest

from charrnn_exp.evaluation import streams as module
from charrnn_exp.evaluation.streams import NONE, cut_groups, cut_streams, cut_windows


@pytest.mark.parametrize(
    ("num_characters", "starts"),
    [
        *((number, (0,)) for number in (2, 3, 999, 1_001, 2_000, 170_001, 51_329)),
        (60, (0, 1, 2, 30, 59)),
        (5_003, (0, 4_001)),
        (200_000, tuple(range(0, 200_000, 1_999))),
    ],
)
def test_every_character_but_the_first_of_each_part_is_scored_once_in_windows_of_one_size(
    num_characters: int, starts: tuple[int, ...]
) -> None:
    ids_n = np.arange(num_characters, dtype=np.uint32)
    streams = cut_streams(ids_n, starts, num_symbols=7)
    expected_n = np.setdiff1d(ids_n, starts)
    scored, ranks, shapes = [], [], set()
    for window in streams.read_windows():
        scored.append(window.ids_bt[:, 1:][window.is_scored_bt])
        ranks.append(window.ranks_bt[window.is_scored_bt])
        shapes.add(window.ids_bt.shape)
    order_n = np.argsort(np.concatenate(ranks))
    assert np.concatenate(ranks)[order_n].tolist() == [*range(len(expected_n))]
    assert np.concatenate(scored)[order_n].tolist() == expected_n.tolist(), "here ids are positions"
    assert shapes == {(streams.num_streams, streams.length + 1)}
    assert streams.num_scored == len(expected_n)


@pytest.mark.parametrize("starts", [(0,), (0, 3_000, 9_001)])
def test_the_last_state_of_a_stream_is_that_before_the_first_character_of_the_next(starts: tuple[int, ...]) -> None:
    ids_n = np.arange(20_011, dtype=np.uint32)
    streams = cut_streams(ids_n, starts, num_symbols=7)
    windows = list(streams.read_windows())
    previous_b = streams.find_previous()
    firsts_b = windows[0].ids_bt[:, 0]
    assert streams.num_streams > 10
    assert sorted(firsts_b[previous_b == NONE].tolist()) == list(starts)
    follows_b = previous_b != NONE
    assert firsts_b[follows_b].tolist() == windows[-1].ids_bt[previous_b[follows_b], -1].tolist()


def test_a_text_of_more_parts_than_streams_has_a_stream_for_each() -> None:
    streams = cut_streams(np.zeros(20_000, np.uint8), tuple(range(0, 20_000, 200)), num_symbols=7)
    assert (streams.num_streams, streams.find_previous().tolist()) == (100, [NONE] * 100)


def test_windows_are_shorter_where_the_vocabulary_is_large() -> None:
    few, many = (cut_streams(np.zeros(170_000, np.uint8), (0,), num_symbols=number).length for number in (65, 5_000))
    assert (few > 300, 64 * many * 5_000 <= module.MAX_LOGITS) == (True, True)


def test_cutting_windows_takes_the_memory_of_one() -> None:
    ids_n = np.zeros(1 << 22, np.uint8)
    tracemalloc.start()
    try:
        for _ in cut_streams(ids_n, (0,), num_symbols=7).read_windows():
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(ids_n) / 2


@pytest.mark.parametrize(
    ("num_characters", "starts", "length"), [(2, (0,), 1), (1_001, (0,), 100), (60, (0, 1, 31), 7)]
)
def test_windows_score_every_character_but_the_first_of_each_part_once(
    num_characters: int, starts: tuple[int, ...], length: int
) -> None:
    windows_n, begins = cut_windows(np.arange(num_characters, dtype=np.uint32), starts, length)
    pieces = np.split(windows_n, begins[1:])
    assert sorted(np.concatenate([piece_n[1:] for piece_n in pieces])) == sorted({*range(num_characters)} - {*starts})
    assert all((np.diff(piece_n) == 1).all() and 2 <= len(piece_n) <= length + 1 for piece_n in pieces)
    assert begins[0] == 0


@pytest.mark.parametrize("starts", [(0,), tuple(range(0, 5_003, 3)), (*range(300), 4_001)])
def test_groups_score_every_character_but_the_first_of_each_part_once(
    monkeypatch: pytest.MonkeyPatch, starts: tuple[int, ...]
) -> None:
    monkeypatch.setattr(module, "MAX_PARTS", 100)
    ids_n = np.arange(5_003, dtype=np.uint32)
    groups = cut_groups(ids_n, starts, num_symbols=7)
    assert all(streams.num_streams <= 200 for streams in groups)
    expected_n = np.setdiff1d(ids_n, starts)
    found = np.full(len(expected_n), -1, np.int64)
    for streams in groups:
        for window in streams.read_windows():
            ranks_n = window.ranks_bt[window.is_scored_bt]
            assert (found[ranks_n] == -1).all()
            found[ranks_n] = window.ids_bt[:, 1:][window.is_scored_bt]
    assert found.tolist() == expected_n.tolist()
