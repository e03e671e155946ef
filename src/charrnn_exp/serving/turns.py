"""The one thread that computes: texts take turns, piece by piece, and a new one has its first turn at once.

Many long texts that all took turns would all come to the end of their time unfinished. So a text that has had
`SHORT_TURNS` turns is a long one, and only `NUM_LONG` of these go on at once, in the order in which they came. Short
ones never wait for long ones.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

SHORT_TURNS = 20
"""Turns after which a text is long: 1,280 characters, more than a run asks for unless it is told otherwise."""
NUM_LONG = 4
"""Long texts that take turns beside the short ones."""


class TooLate(Exception):
    """A request was not done in its time."""


class End:
    """The last event of a request that was done."""


Event = Any | TooLate | Exception | End


@dataclass
class Ticket:
    """A request that takes its turns.

    Args:
        begin: returns its pieces; called in the thread.
        deliver: called in the thread with each piece, and once at the end with `End` or an exception.
        until: `time.monotonic()` after which it is given up.
        is_cancelled: set where nobody waits for it any more.
        pieces: its own, once it has begun.
        num_turns: that it has had.
    """

    begin: Callable[[], Iterator[Any]]
    deliver: Callable[[Event], None]
    until: float
    is_cancelled: bool = False
    pieces: Iterator[Any] | None = None
    num_turns: int = 0

    def is_over(self) -> bool:
        """Return whether it needs no more pieces: nobody waits for it, or its time is over."""
        return self.is_cancelled or time.monotonic() > self.until


class Turns:
    """Takes requests, and runs them in a thread that ends with the process.

    Args:
        most: requests that may take turns.
    """

    def __init__(self, most: int) -> None:
        self._waiting: queue.SimpleQueue[Ticket] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(most)
        threading.Thread(target=self._work, name="turns", daemon=True).start()

    def submit(self, ticket: Ticket) -> bool:
        """Take a request; return False where there is no room."""
        if not self._room.acquire(blocking=False):
            return False
        self._waiting.put(ticket)
        return True

    def _work(self) -> None:
        active: deque[Ticket] = deque()
        resting: deque[Ticket] = deque()  # long ones, in the order in which they became long
        while True:
            new: list[Ticket] = []
            while not (active or new) or not self._waiting.empty():
                new.append(self._waiting.get())
            active.extendleft(reversed(new))
            ticket = active.popleft()
            if self._take_turn(ticket):
                is_turned_long = ticket.num_turns == SHORT_TURNS
                (resting if is_turned_long else active).append(ticket)
            else:
                self._end(ticket)
            for each in [each for each in resting if each.is_over()]:
                resting.remove(each)
                self._take_turn(each)
                self._end(each)
            while resting and sum(each.num_turns >= SHORT_TURNS for each in active) < NUM_LONG:
                active.append(resting.popleft())

    def _end(self, ticket: Ticket) -> None:
        ticket.pieces = None
        self._room.release()

    def _take_turn(self, ticket: Ticket) -> bool:
        """Compute one piece; return whether there may be more."""
        if ticket.is_cancelled:
            return False
        ticket.num_turns += 1
        try:
            if ticket.is_over():
                raise TooLate
            ticket.pieces = ticket.pieces or ticket.begin()
            event = next(ticket.pieces, None)
        except Exception as error:  # of any kind: it is the request's, and the thread goes on
            event = error
        is_last = event is None or isinstance(event, Exception)
        with suppress(RuntimeError):  # the loop that waits for it has ended
            ticket.deliver(End() if event is None else event)
        return not is_last
