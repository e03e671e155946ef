"""The windows are those that naive slicing gives, and the text is not copied for them."""

import tracemalloc

import numpy as np
import pytest

from charrnn_exp.data.batches import BatchOrder
from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.data.windows import stream_windows

B, T, N = 3, 5, 97


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_windows_are_slices_of_the_text_in_the_order_asked_for(shuffle: bool, dtype: type) -> None:
    high = min(np.iinfo(dtype).max, 70_000)
    ids_n: Ids = np.random.default_rng(7).integers(0, high, size=N, endpoint=True).astype(dtype)
    order = BatchOrder(num_characters=N, batch_size=B, sequence_length=T, shuffle=shuffle, seed=7)
    starts_sb = order.find_starts(2)
    windows = list(stream_windows(ids_n, starts_sb, sequence_length=T))
    assert len(windows) == order.steps_per_epoch
    for windows_bt, starts_b in zip(windows, starts_sb, strict=True):
        assert windows_bt.dtype == np.int32
        assert windows_bt.tolist() == [ids_n[start : start + T + 1].tolist() for start in starts_b]


def test_targets_are_the_characters_after_the_inputs() -> None:
    ids_n = np.arange(N, dtype=np.uint8)
    starts_sb = BatchOrder(num_characters=N, batch_size=B, sequence_length=T, shuffle=False, seed=7).find_starts(0)
    for windows_bt in stream_windows(ids_n, starts_sb, sequence_length=T):
        inputs_bt, targets_bt = windows_bt[:, :-1], windows_bt[:, 1:]
        assert inputs_bt.shape == targets_bt.shape == (B, T)
        assert (targets_bt == inputs_bt + 1).all()


def test_from_a_later_step_on_the_windows_are_those_of_the_whole_epoch() -> None:
    ids_n = np.arange(N, dtype=np.uint8)
    starts_sb = BatchOrder(num_characters=N, batch_size=B, sequence_length=T, shuffle=True, seed=7).find_starts(1)
    whole = [windows_bt.tolist() for windows_bt in stream_windows(ids_n, starts_sb, sequence_length=T)]
    rest = [windows_bt.tolist() for windows_bt in stream_windows(ids_n, starts_sb[4:], sequence_length=T)]
    assert rest == whole[4:]


def test_a_text_takes_no_memory_beside_its_own() -> None:
    ids_n = np.zeros(1 << 24, dtype=np.uint8)
    tracemalloc.start()
    try:
        next(stream_windows(ids_n, np.array([[0, 1 << 23, (1 << 24) - T - 1]]), sequence_length=T))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(ids_n) / 16
