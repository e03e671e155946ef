"""Which characters make which batch: streams that go on with their own text, windows dealt once an epoch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.schema import Config, TrainingConfig
from charrnn_exp.data.batches import BatchOrder, plan_batches
from charrnn_exp.errors import UserError

SHAPES = [(1, 1), (1, 8), (2, 4), (8, 1), (3, 5), (5, 3), (4, 7)]
SIZES = [(n, b, t) for n in (10, 41, 211) for b, t in SHAPES if n > b * t]
"""Characters, streams, window lengths: with and without a remainder."""


def make_order(n: int, b: int, t: int, *, shuffle: bool, seed: int = 7, **options: Any) -> BatchOrder:
    return BatchOrder(num_characters=n, batch_size=b, sequence_length=t, shuffle=shuffle, seed=seed, **options)


@pytest.fixture
def training(defaults: Config) -> TrainingConfig:
    return replace(defaults.training, batch_size=2, sequence_length=4, shuffle=False)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_every_window_and_its_last_target_lie_in_the_text(n: int, b: int, t: int, shuffle: bool) -> None:
    order = make_order(n, b, t, shuffle=shuffle)
    starts_sb = order.find_starts(3)
    assert starts_sb.shape == (order.steps_per_epoch, b)
    assert starts_sb.dtype == np.int64
    assert starts_sb.min() >= 0
    assert starts_sb.max() + t <= n - 1


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_no_character_is_a_target_twice_in_an_epoch(n: int, b: int, t: int, shuffle: bool) -> None:
    targets = [
        int(start) + i for start in make_order(n, b, t, shuffle=shuffle).find_starts(0).ravel() for i in range(1, t + 1)
    ]
    assert len(set(targets)) == len(targets)


@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_a_stream_goes_on_with_its_own_text_from_batch_to_batch(n: int, b: int, t: int) -> None:
    text = list(range(n))
    starts_sb = make_order(n, b, t, shuffle=False).find_starts(0)
    for stream in range(b):
        read = [character for start in starts_sb[:, stream] for character in text[start : start + t]]
        assert read == text[read[0] : read[0] + len(read)]


@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_streams_are_equal_parts_of_the_text_and_leave_out_less_than_a_window_each(n: int, b: int, t: int) -> None:
    order = make_order(n, b, t, shuffle=False)
    part = (n - 1) // b
    assert order.find_starts(0).tolist() == [
        [stream * part + step * t for stream in range(b)] for step in range(part // t)
    ]
    assert n - 1 - order.steps_per_epoch * b * t < b + b * t


@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_streams_are_read_alike_in_every_epoch(n: int, b: int, t: int) -> None:
    order = make_order(n, b, t, shuffle=False)
    assert order.find_starts(0).tolist() == order.find_starts(5).tolist()


@pytest.mark.parametrize("epoch", [0, 1, 2])
@pytest.mark.parametrize(("n", "b", "t"), SIZES)
def test_an_epoch_of_windows_deals_each_once_but_what_does_not_fill_a_batch(n: int, b: int, t: int, epoch: int) -> None:
    order = make_order(n, b, t, shuffle=True)
    windows = [start for start in range(0, n, t) if start + t < n]
    dealt = order.find_starts(epoch).ravel().tolist()
    assert len(set(dealt)) == len(dealt)
    assert set(dealt) <= set(windows)
    assert len(windows) - len(dealt) == len(windows) % b
    assert order.steps_per_epoch == len(windows) // b


def test_every_window_is_dealt_sooner_or_later() -> None:
    order = make_order(41, 3, 5, shuffle=True)  # 8 windows, 6 an epoch; none is missed in 40: odds 8 / 4**40
    assert {int(start) for epoch in range(40) for start in order.find_starts(epoch).ravel()} == set(range(0, 40, 5))


def test_the_deal_is_a_function_of_seed_and_epoch_whoever_asks_and_when() -> None:
    first = make_order(997, 3, 5, shuffle=True)
    forwards = [first.find_starts(epoch).tolist() for epoch in range(5)]
    second = make_order(997, 3, 5, shuffle=True)
    backwards = [second.find_starts(epoch).tolist() for epoch in reversed(range(5))]
    assert forwards == backwards[::-1]


def test_another_seed_or_epoch_is_another_deal() -> None:
    deals = [
        make_order(997, 3, 5, shuffle=True, seed=seed).find_starts(epoch).tolist()
        for seed in (1, 2, 3)
        for epoch in range(5)
    ]
    for i, deal in enumerate(deals):  # two of 15 orders of 199 windows agree by chance: odds 105 / 199!
        assert deal not in deals[:i]


def test_seed_and_epoch_are_not_mixed_up() -> None:
    one = make_order(997, 3, 5, shuffle=True, seed=1).find_starts(2).tolist()
    assert one != make_order(997, 3, 5, shuffle=True, seed=2).find_starts(1).tolist()
    assert one != make_order(997, 3, 5, shuffle=True, seed=3).find_starts(0).tolist()


def test_the_deal_is_a_permutation_by_a_generator_of_seed_and_epoch() -> None:
    order = make_order(29, 2, 4, shuffle=True, seed=7)
    dealt = np.random.default_rng([7, 3]).permutation(7)[:6] * 4
    assert order.find_starts(3).tolist() == dealt.reshape(3, 2).tolist()


def test_tiny_shakespeare_makes_as_many_batches_as_its_characters_fill() -> None:
    assert make_order(1_003_854, 64, 64, shuffle=False).steps_per_epoch == 245
    assert make_order(1_003_854, 64, 64, shuffle=True).steps_per_epoch == 245


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("b", "t"), [(1, 1), (2, 4), (5, 3)])
def test_one_batch_and_one_character_are_enough_and_one_less_is_not(
    training: TrainingConfig, b: int, t: int, shuffle: bool
) -> None:
    sized = replace(training, batch_size=b, sequence_length=t, shuffle=shuffle)
    assert plan_batches(b * t + 1, sized, seed=7).steps_per_epoch == 1
    for too_few in (b * t, 1, 0):
        with pytest.raises(UserError):
            plan_batches(too_few, sized, seed=7)


def test_a_text_too_short_is_told_what_it_has_what_it_needs_and_what_to_lower(training: TrainingConfig) -> None:
    with pytest.raises(UserError) as caught:
        plan_batches(1999, replace(training, batch_size=50, sequence_length=40), seed=7)
    assert caught.value.lines == [
        "dataset must have a training text of at least 2,001 characters (training.batch_size=50 x "
        "training.sequence_length=40 + 1), got 1,999. Lower training.batch_size or training.sequence_length."
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"shuffle": True}, {"shuffle": True}),
        ({"batch_size": 3}, {"batch_size": 3}),
        ({"sequence_length": 5}, {"sequence_length": 5}),
        ({"stream_jitter": True}, {"jitter": True}),
        ({"gradient_accumulation_steps": 3}, {"batches_per_update": 3}),
        ({"stateful": False}, {"stateful": False}),
        ({"drop_state_probability": 0.25}, {"drop_probability": 0.25}),
    ],
)
def test_a_plan_follows_its_settings(
    training: TrainingConfig, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    order = plan_batches(97, replace(training, **changes), seed=11)
    assert order == replace(make_order(97, 2, 4, shuffle=False, seed=11), **expected)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("n", "b", "t"), [size for size in SIZES if size[0] > 2 * size[1] * size[2]])
def test_jitter_moves_all_windows_of_an_epoch_alike_and_keeps_them_apart_and_in_the_text(
    n: int, b: int, t: int, shuffle: bool
) -> None:
    order = make_order(n, b, t, shuffle=shuffle, jitter=True)
    still = replace(order, jitter=False)
    offsets = set()
    for epoch in range(12):
        starts_nb = order.find_starts(epoch)
        assert starts_nb.shape == (order.steps_per_epoch, b)
        assert starts_nb.max() + t <= n - 1
        assert len({start + i for start in starts_nb.ravel().tolist() for i in range(t)}) == starts_nb.size * t
        if shuffle:
            offsets |= {int(start) % t for start in starts_nb.ravel()}
        else:
            offsets |= set((starts_nb - still.find_starts(epoch)[: len(starts_nb)]).ravel().tolist())
    assert offsets <= set(range(t))
    assert t == 1 or len(offsets) > 1  # odds of one offset only: at most 1 / 2**11
    assert order.find_starts(5).tolist() == order.find_starts(5).tolist()


def test_the_offset_is_drawn_evenly_from_seed_and_epoch() -> None:
    """400 draws of 5 offsets: each comes 50 to 110 times but for odds of 1 in 10,000 (80 +- 8)."""
    order = make_order(211, 3, 5, shuffle=False, jitter=True)
    counts = np.bincount([order.find_starts(epoch)[0, 0] for epoch in range(400)], minlength=5)
    assert len(counts) == 5
    assert 50 < counts.min() <= counts.max() < 110
    assert [order.find_starts(e)[0, 0] for e in range(9)] != [
        replace(order, seed=8).find_starts(e)[0, 0] for e in range(9)
    ]


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_has_whole_updates_only_and_the_batches_it_has_without(shuffle: bool) -> None:
    one, three = (make_order(211, 3, 5, shuffle=shuffle, batches_per_update=k) for k in (1, 3))
    assert (one.steps_per_epoch, three.steps_per_epoch, three.batches_per_epoch) == (14, 4, 12)
    assert three.find_starts(2).tolist() == one.find_starts(2)[:12].tolist()
    assert three.characters_per_step == 3 * one.characters_per_step == 45


def test_states_are_reset_at_the_start_of_an_epoch_or_at_every_batch() -> None:
    order = make_order(211, 3, 5, shuffle=False)
    assert order.find_resets(4).tolist() == [[n == 0] * 3 for n in range(14)]
    assert replace(order, stateful=False).find_resets(4).all()


def test_states_are_dropped_one_by_one_with_their_probability_by_seed_epoch_and_batch() -> None:
    """9,990 draws at 0.3: the share is 0.3 +- 0.0046, so outside 0.28 to 0.32 in 1 of 70,000 cases."""
    order = make_order(50_000, 10, 5, shuffle=False, drop_probability=0.3)
    resets_nb = order.find_resets(1)
    assert resets_nb[0].all()
    assert 0.28 < resets_nb[1:].mean() < 0.32
    assert np.ptp(resets_nb[1:].mean(0)) > 0
    assert order.find_resets(1).tolist() == resets_nb.tolist()
    for other in (order.find_resets(2), replace(order, seed=8).find_resets(1)):
        assert other.tolist() != resets_nb.tolist()


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_shortest_text_fills_one_update_also_with_jitter_and_accumulation(
    training: TrainingConfig, shuffle: bool
) -> None:
    words = replace(training, shuffle=shuffle, stream_jitter=True, gradient_accumulation_steps=3)
    needed = 2 * 3 * 4 + 3 + 1 if shuffle else 2 * (3 * 4 + 3) + 1
    assert plan_batches(needed, words, seed=7).steps_per_epoch == 1
    with pytest.raises(UserError, match=f"at least {needed} characters .* x training.gradient_accumulation_steps=3"):
        plan_batches(needed - 1, words, seed=7)
