"""The n-gram baseline, counted by a process of its own."""

import gc
import time

import numpy as np

from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss
from charrnn_exp.evaluation.baseline.process import BaselineProcess


def make_parts(num_train: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    return generator.integers(5, size=num_train, dtype=np.uint8), generator.integers(5, size=97, dtype=np.uint8)


def test_the_process_counts_what_the_function_counts() -> None:
    train_n, val_n = make_parts(1009)
    counter = BaselineProcess(train_n, val_n, (0, 3), num_symbols=5)
    expected = measure_ngram_loss(train_n, val_n, (0, 3), num_symbols=5)
    assert counter.find_loss(wait=True) == expected
    assert counter.find_loss(wait=False) == expected
    counter.stop()
    assert counter.find_loss(wait=True) == expected


def test_nothing_is_known_before_and_nothing_after_a_stop() -> None:
    counter = BaselineProcess(*make_parts(3_000_000), (0,), num_symbols=5)
    began = time.monotonic()
    assert counter.find_loss(wait=False) is None
    counter.stop()
    assert counter.find_loss(wait=True) is None
    assert counter.find_loss(wait=False) is None
    assert time.monotonic() - began < 5.0


def test_a_stop_leaves_no_pipe_open_also_where_nobody_asks_for_the_loss() -> None:
    """An open pipe is a ResourceWarning when it is collected, which fails the test."""
    counter = BaselineProcess(*make_parts(3_000), (0,), num_symbols=5)
    counter.stop()
    del counter
    gc.collect()
