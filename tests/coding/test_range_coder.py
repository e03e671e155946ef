"""The range coder against a decoder in plain integers, and against the length that information theory allows."""

import math

import numpy as np
import pytest

from charrnn_exp.coding.range_coder import LEAST_RANGE, STATE_BITS, TOTAL, WHOLE, RangeEncoder

Interval = tuple[int, int]


def encode(intervals: list[Interval]) -> bytes:
    encoder = RangeEncoder()
    for start, size in intervals:
        encoder.write(start, size)
    return encoder.finish()


def find_values(content: bytes, intervals: list[Interval]) -> list[int]:
    """Return for each symbol the value, out of TOTAL, that the bytes tell; it lies in the interval of the symbol."""
    num_ahead = STATE_BITS // 8
    padded = content + bytes(4 * len(intervals) + num_ahead)
    code, at, width, values = int.from_bytes(padded[:num_ahead], "big"), num_ahead, WHOLE, []
    for start, size in intervals:
        unit = width // TOTAL
        values.append(min(code // unit, TOTAL - 1))
        code, width = code - unit * start, unit * size
        while width < LEAST_RANGE:
            code, width, at = 256 * code + padded[at], 256 * width, at + 1
    return values


def draw(seed: int, count: int) -> list[Interval]:
    """Return intervals of all sizes: half of them small, half of them nearly everything."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        size = int(2 ** generator.uniform(0, 30))
        size = TOTAL - size if generator.random() < 0.5 else size
        size = min(max(size, 1), TOTAL)
        found.append((int(generator.integers(TOTAL - size + 1)), size))
    return found


CASES = {
    "nothing": [],
    "one": [(5, 3)],
    "sure": [(0, TOTAL)] * 1000,
    "nearly sure": [(1, TOTAL - 1)] * 1000,
    "rarest, first": [(0, 1)] * 300,
    "rarest, last": [(TOTAL - 1, 1)] * 300,
    "carries through all bytes": [(TOTAL // 2, 1), *[(0, TOTAL - 1)] * 20, *[(TOTAL - 1, 1)] * 300, (TOTAL - 1, 1)],
    "halves": [(TOTAL // 2, TOTAL // 2)] * 999,
    **{f"drawn {seed}": draw(seed, 400) for seed in range(20)},
}


@pytest.mark.parametrize("name", CASES)
def test_every_symbol_comes_back_and_the_bytes_are_as_few_as_can_be(name: str) -> None:
    intervals = CASES[name]
    content = encode(intervals)
    values = find_values(content, intervals)
    assert all(start <= value < start + size for value, (start, size) in zip(values, intervals, strict=True))
    bits = sum(math.log2(TOTAL / size) for _, size in intervals)
    assert 8 * len(content) <= bits + 2**-17 * len(intervals) + 16


def test_nothing_takes_no_bytes() -> None:
    assert encode([]) == encode([(0, TOTAL)] * 100) == b""


def test_a_carry_runs_through_bytes_of_ones() -> None:
    """0.9999...: the last symbols push the start of the interval over a power of two."""
    carried = 0
    for seed in range(200):
        encoder = RangeEncoder()
        generator = np.random.default_rng(seed)
        for _ in range(50):
            before = bytes(encoder._bytes)
            size = int(2 ** generator.uniform(0, 12))
            encoder.write(TOTAL - size - int(generator.integers(3)), size)
            carried += bytes(encoder._bytes[: len(before)]) != before
    assert carried > 0, "the case that is hard to see is never tried"
