"""Named protocols cut a text into parts that hold all of it, once, in order."""

import numpy as np
import pytest

from charrnn_exp.config.options import Split
from charrnn_exp.data.splits import split_text


@pytest.mark.parametrize("protocol", list(Split))
@pytest.mark.parametrize("num_characters", [0, 1, 2, 9, 10, 11, 19, 20, 101])
def test_nothing_is_lost_doubled_or_moved(protocol: Split, num_characters: int) -> None:
    ids_n = np.arange(num_characters, dtype=np.uint8)
    parts = split_text(ids_n, protocol)
    together = parts.train_n if parts.val_n is None else np.concatenate([parts.train_n, parts.val_n])
    assert together.tolist() == ids_n.tolist()
    assert together.dtype == ids_n.dtype


def test_nanogpt_cuts_tiny_shakespeare_where_nanogpt_does() -> None:
    parts = split_text(np.zeros(1_115_394, dtype=np.uint8), Split.nanogpt)
    assert parts.val_n is not None
    assert (len(parts.train_n), len(parts.val_n)) == (1_003_854, 111_540)


@pytest.mark.parametrize("num_characters", [*range(40), 1_115_394, 6_206_996, 10**15 + 7])
def test_nanogpt_gives_nine_tenths_rounded_down_to_training(num_characters: int) -> None:
    ids_n = np.broadcast_to(np.uint8(3), (num_characters,))
    assert len(split_text(ids_n, Split.nanogpt).train_n) == (9 * num_characters - (9 * num_characters) % 10) // 10


def test_none_trains_on_everything_and_validates_on_nothing() -> None:
    parts = split_text(np.arange(7, dtype=np.uint8), Split.none)
    assert len(parts.train_n) == 7
    assert parts.val_n is None


@pytest.mark.parametrize("protocol", list(Split))
def test_parts_take_no_memory_of_their_own(protocol: Split) -> None:
    ids_n = np.arange(20, dtype=np.uint8)
    parts = split_text(ids_n, protocol)
    for part_n in (parts.train_n, parts.val_n):
        assert part_n is None or np.shares_memory(part_n, ids_n)
