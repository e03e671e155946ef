"""Lines are dealt to streams: each once an epoch, whole, in an order that is a function of seed and epoch."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.schema import Config
from charrnn_exp.data.line_order import NO_CHARACTER, LineOrder, plan_lines
from charrnn_exp.data.plan import Reshape, plan_run
from charrnn_exp.errors import UserError

BREAK = 7
SHAPES = [(1, 1, 1), (3, 5, 1), (3, 4, 2), (5, 1, 3), (2, 50, 1)]
"""b, t, batches of an update."""


def make_text(num_lines: int, *, longest: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of distinct enough lines of random lengths, laid out, and their lengths."""
    generator = np.random.default_rng(num_lines)
    lines = [[*generator.integers(0, 7, size=generator.integers(0, longest)), BREAK] for _ in range(num_lines)]
    ids = [BREAK, *(i for line in lines for i in line)]
    return np.array(ids, np.uint8), np.array([len(line) for line in lines])


def make_order(lengths_l: np.ndarray, b: int, t: int, a: int = 1, **options: Any) -> LineOrder:
    return LineOrder(
        lengths_l=lengths_l, batch_size=b, sequence_length=t, batches_per_update=a, **{"seed": 3, **options}
    )


def read_streams(windows: list[np.ndarray]) -> list[list[int]]:
    """Return the ids of each stream, from its first input to its last target."""
    joined_qbt = np.concatenate(windows)
    first_b1, rest = joined_qbt[0, :, :1], joined_qbt[:, :, 1:]
    return np.concatenate([first_b1, *rest], axis=1).tolist()


def cut(stream: list[int]) -> list[tuple[int, ...]]:
    """Return the lines of a stream without its gaps."""
    ids = [i for i in stream if i != NO_CHARACTER]
    assert ids[0] == ids[-1] == BREAK
    assert stream[: len(ids)] == ids, "a gap lies within a stream"
    lines: list[list[int]] = [[]]
    for i in ids[1:]:
        if i == BREAK:
            lines.append([])
        else:
            lines[-1].append(i)
    return [tuple(line) for line in lines[:-1]]


@pytest.mark.parametrize("num_lines", [5, 17, 203])
@pytest.mark.parametrize(("b", "t", "a"), SHAPES)
def test_each_line_is_read_once_an_epoch_and_whole(num_lines: int, b: int, t: int, a: int) -> None:
    ids_n, lengths_l = make_text(num_lines)
    order = make_order(lengths_l, b, t, a)
    expected = Counter(cut(ids_n.tolist()))
    for epoch in range(3):
        windows = list(order.stream_windows(ids_n, epoch))
        assert len(windows) == order.steps_per_epoch
        assert {window.shape for window in windows} == {(a, b, t + 1)}
        assert {window.dtype for window in windows} == {np.dtype(np.int32)}
        streams = read_streams(windows)
        assert sum((Counter(cut(stream)) for stream in streams), Counter()) == expected
        assert all(np.any(window[..., 1:] != NO_CHARACTER) for window in windows), "an update without a character"


def test_windows_of_a_stream_share_the_character_between_them() -> None:
    ids_n, lengths_l = make_text(40)
    windows = np.concatenate(list(make_order(lengths_l, 3, 5).stream_windows(ids_n, 0)))
    np.testing.assert_array_equal(windows[1:, :, 0], windows[:-1, :, -1])


def test_streams_are_of_nearly_the_same_length_in_each_epoch() -> None:
    ids_n, lengths_l = make_text(2_003, longest=40)
    order = make_order(lengths_l, 8, 16)
    for epoch in range(2):
        sizes = [sum(i != NO_CHARACTER for i in s) - 1 for s in read_streams(list(order.stream_windows(ids_n, epoch)))]
        assert sum(sizes) == lengths_l.sum()
        assert max(sizes) - min(sizes) <= 40


def test_the_order_is_a_function_of_seed_and_epoch_whoever_asks_and_when() -> None:
    _, lengths_l = make_text(50)
    deals = {}
    for seed in (1, 2):
        for epoch in range(3):
            deals[seed, epoch] = [line.tolist() for line in make_order(lengths_l, 3, 5, seed=seed).deal(epoch)]
    assert len({str(deal) for deal in deals.values()}) == 6  # two alike by chance: odds below 1 / 10**30
    order = make_order(lengths_l, 3, 5, seed=2)
    backwards = [[line.tolist() for line in order.deal(epoch)] for epoch in (2, 1, 0)]
    assert backwards == [deals[2, 2], deals[2, 1], deals[2, 0]]


def test_an_epoch_goes_on_at_any_update_as_it_would() -> None:
    ids_n, lengths_l = make_text(60)
    order = make_order(lengths_l, 3, 5, 2)
    whole = list(order.stream_windows(ids_n, 4))
    for step in range(order.steps_per_epoch):
        rest = list(order.stream_windows(ids_n, 4, first_step=step))
        np.testing.assert_array_equal(rest, whole[step:])


def test_every_line_comes_early_and_late() -> None:
    """Of 3 streams with 17 or 16 lines each, a line is the first of its one in 200 epochs: odds of none 1 in 10**5."""
    _, lengths_l = make_text(50)
    order = make_order(lengths_l, 3, 5)
    firsts, lasts = set(), set()
    for epoch in range(200):
        for lines in order.deal(epoch):
            firsts.add(int(lines[0]))
            lasts.add(int(lines[-1]))
    assert len(firsts) == len(lasts) == 50


def test_the_counts_of_an_order_are_those_of_its_windows() -> None:
    _, lengths_l = make_text(60)
    order = make_order(lengths_l, 3, 5, 2)
    assert order.batches_per_epoch == 2 * order.steps_per_epoch
    assert order.characters_per_step == lengths_l.sum() // order.steps_per_epoch
    resets_qb = order.find_resets(1)
    assert resets_qb.shape == (order.batches_per_epoch, 3)
    assert resets_qb[0].all()
    assert not resets_qb[1:].any()


def test_fewer_lines_than_streams_are_refused(defaults: Config) -> None:
    training = replace(defaults.training, batch_size=6)
    assert plan_lines(np.full(6, 2), training, seed=1).batch_size == 6
    with pytest.raises(UserError) as caught:
        plan_lines(np.full(5, 2), training, seed=1)
    assert caught.value.lines == [
        "dataset must have a training text of at least 6 lines (training.batch_size), got 5. Lower training.batch_size."
    ]


def test_a_plan_of_lines_follows_its_settings_and_their_changes(defaults: Config) -> None:
    _, lengths_l = make_text(60)
    training = replace(defaults.training, batch_size=3, sequence_length=5, gradient_accumulation_steps=2, epochs=4)
    plain = plan_run(1, training, seed=3, lengths_l=lengths_l)
    assert plain.find_order(0) == make_order(lengths_l, 3, 5, 2)
    first = make_order(lengths_l, 2, 5, 2)
    change = Reshape(step=first.steps_per_epoch, field="batch_size", old=2, new=3)
    plan = plan_run(1, training, seed=3, reshapes=[change], lengths_l=lengths_l)
    assert (plan.find_order(0), plan.find_order(1)) == (first, make_order(lengths_l, 3, 5, 2))
    assert plan.count_steps(training) == first.steps_per_epoch + 3 * plain.find_order(0).steps_per_epoch
