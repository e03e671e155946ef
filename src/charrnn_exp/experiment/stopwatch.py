"""Seconds of a session by activity."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Sums wall-clock seconds by activity, in the order of first use."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, activity: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere.

        >>> watch = Stopwatch()
        >>> watch.add("saving", 1.5)
        >>> watch.add("saving", 0.5)
        >>> watch.seconds
        {'saving': 2.0}
        """
        self.seconds[activity] = self.seconds.get(activity, 0.0) + seconds

    @contextmanager
    def time(self, activity: str) -> Iterator[None]:
        """Add the seconds of the body, also if it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(activity, time.perf_counter() - started)
