"""The one thread that computes: bounded, fair, and never ended by a request."""

import itertools
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from charrnn_exp.serving.turns import NUM_LONG, SHORT_TURNS, End, Ticket, TooLate, Turns


def submit(turns: Turns, begin: Any, *, seconds: float = 60.0) -> "queue.Queue[Any]":
    events: queue.Queue[Any] = queue.Queue()
    assert turns.submit(Ticket(begin, events.put, time.monotonic() + seconds))
    return events


def read(events: "queue.Queue[Any]") -> list[Any]:
    """Return all events up to the last."""
    found = []
    while not isinstance(event := events.get(timeout=10), End | Exception):
        found.append(event)
    return [*found, event]


def test_a_request_gets_its_pieces_in_their_order_and_one_end() -> None:
    *pieces, end = read(submit(Turns(3), lambda: iter([1, 2, 3])))
    assert pieces == [1, 2, 3]
    assert isinstance(end, End)


def test_a_short_text_does_not_wait_for_a_long_one() -> None:
    turns, go = Turns(3), threading.Event()

    def draw_long() -> Iterator[int]:
        go.wait(10)
        yield from range(1000)

    order: list[str] = []
    ended = threading.Event()

    def note(name: str) -> Any:
        def deliver(event: Any) -> None:
            if isinstance(event, End):
                order.append(name)
                if name == "long":
                    ended.set()

        return deliver

    assert turns.submit(Ticket(draw_long, note("long"), time.monotonic() + 60))
    assert turns.submit(Ticket(lambda: iter([1, 2, 3]), note("short"), time.monotonic() + 60))
    go.set()
    assert ended.wait(10)
    assert order == ["short", "long"]


def test_there_is_room_for_so_many_and_again_after_an_end() -> None:
    turns, go = Turns(5), threading.Event()

    def wait() -> Iterator[int]:
        go.wait(10)
        yield 1

    waiting = [submit(turns, wait) for _ in range(5)]
    assert not turns.submit(Ticket(wait, lambda _: None, time.monotonic() + 60))
    go.set()
    for events in waiting:
        assert read(events)[0] == 1
    until = time.monotonic() + 10
    while not turns.submit(Ticket(wait, lambda _: None, time.monotonic() + 60)):
        assert time.monotonic() < until


def test_a_failure_is_the_requests_own() -> None:
    turns = Turns(3)
    assert isinstance(read(submit(turns, lambda: iter([1 / 0])))[-1], ZeroDivisionError)

    def fail_later() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    first, error = read(submit(turns, fail_later))
    assert first == 1
    assert isinstance(error, KeyError)
    assert read(submit(turns, lambda: iter([7])))[0] == 7


def test_a_request_that_nobody_waits_for_computes_nothing_more() -> None:
    turns, computed = Turns(3), []
    go = threading.Event()

    def draw() -> Iterator[int]:
        for i in range(1000):
            computed.append(i)
            yield i
            go.wait(10)

    ticket = Ticket(draw, lambda _: None, time.monotonic() + 60)
    assert turns.submit(ticket)
    while not computed:
        time.sleep(0.001)
    ticket.is_cancelled = True
    go.set()
    assert read(submit(turns, lambda: iter([7])))[0] == 7
    assert len(computed) <= 2


@pytest.mark.parametrize("seconds", [-1.0, 0.05])
def test_a_request_ends_when_its_time_is_over(seconds: float) -> None:
    def draw() -> Iterator[int]:
        while True:
            yield 1
            time.sleep(0.01)

    assert isinstance(read(submit(Turns(3), draw, seconds=seconds))[-1], TooLate)


def test_a_new_text_begins_before_those_that_have_begun_go_on() -> None:
    turns, is_drawing, go = Turns(30), threading.Event(), threading.Event()
    order: list[str] = []

    def draw(name: str) -> Iterator[str]:
        for i in range(3):
            if name == "old" and i == 0:
                is_drawing.set()
                assert go.wait(10)
            order.append(name)
            yield name

    waiting = [submit(turns, lambda: draw("old"))]
    assert is_drawing.wait(10)
    names = [f"new {i}" for i in range(20)]
    waiting += [submit(turns, lambda name=name: draw(name)) for name in names]
    go.set()
    for events in waiting:
        read(events)
    assert order == 3 * ["old", *names]


def test_many_long_texts_go_on_few_at_a_time_and_a_short_one_waits_for_none() -> None:
    turns, go, order = Turns(64), threading.Event(), list[str]()

    def draw(name: str, num_pieces: int) -> Iterator[str]:
        for i in range(num_pieces):
            assert go.wait(10)
            order.append(name)
            if (name, i) == ("long 0", SHORT_TURNS + 30):
                late.append(submit(turns, lambda: draw("short", SHORT_TURNS - 1)))
            yield name

    late: list[queue.Queue[Any]] = []
    names = [f"long {i}" for i in range(3 * NUM_LONG)]
    waiting = [submit(turns, lambda name=name: draw(name, 100)) for name in names]
    go.set()
    for events in waiting:
        *pieces, end = read(events)
        assert isinstance(end, End)
        assert len(pieces) == 100
    assert len(read(late[0])) == SHORT_TURNS
    assert {*order[: len(names)]} == {*names}, "each has its first piece at once"
    ends = {name: len(order) - order[::-1].index(name) for name in [*names, "short"]}
    assert [*sorted(names, key=ends.__getitem__)] == names, "in the order in which they came"
    for first, then in itertools.pairwise(names[::NUM_LONG]):
        seen = order[: ends[first]]
        assert seen.count(then) <= SHORT_TURNS + NUM_LONG, "it waits for those before it"
    assert ends["short"] - order.index("short") <= SHORT_TURNS * (NUM_LONG + 1)


@pytest.mark.slow
def test_where_all_long_texts_would_be_late_some_are_done() -> None:
    """Each needs a fortieth of the time that it has, and all together twice that time."""
    turns, num_texts, seconds = Turns(80), 80, 3.0
    num_pieces = 10 * SHORT_TURNS

    def draw() -> Iterator[int]:
        for i in range(num_pieces):
            time.sleep(seconds / 40 / num_pieces)
            yield i

    waiting = [submit(turns, draw, seconds=seconds) for _ in range(num_texts)]
    lasts = [read(events)[-1] for events in waiting]
    num_done = sum(isinstance(last, End) for last in lasts)
    assert num_done >= NUM_LONG
    assert any(isinstance(last, TooLate) for last in lasts), "the test has too much time"


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_long_text_that_waits_ends_with_its_time_and_leaves_its_room(is_cancelled: bool) -> None:
    turns = Turns(NUM_LONG + 1)
    is_ended = threading.Event()

    def draw() -> Iterator[int]:
        while not is_ended.wait(0.0001):
            yield 1

    waiting = [submit(turns, draw) for _ in range(NUM_LONG)]
    events: queue.Queue[Any] = queue.Queue()
    resting = Ticket(draw, events.put, time.monotonic() + 60)
    assert turns.submit(resting)
    until = time.monotonic() + 10
    while resting.num_turns < SHORT_TURNS:
        assert time.monotonic() < until
        time.sleep(0.001)
    if is_cancelled:
        resting.is_cancelled = True
    else:
        resting.until = time.monotonic()
        assert isinstance(read(events)[-1], TooLate)
    while not turns.submit(Ticket(lambda: iter([7]), lambda _: None, time.monotonic() + 60)):
        assert time.monotonic() < until
    is_ended.set()
    for each in waiting:
        assert isinstance(read(each)[-1], End)
