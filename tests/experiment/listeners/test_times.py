"""The seconds of the loop by activity."""

import time

import pytest

from charrnn_exp.experiment.listeners.times import Times
from charrnn_exp.experiment.stopwatch import Stopwatch
from tests.experiment.listeners.events import EVENTS


def test_the_start_ends_with_the_first_update_and_the_others_are_updates() -> None:
    watch = Stopwatch()
    times = Times(watch, began=time.time() - 100.0)
    for event in EVENTS:
        times.hear(event)
    assert watch.seconds.pop("start") == pytest.approx(100.0, abs=5.0)
    assert watch.seconds == {"updates": 6.0, "validation": 0.25, "checkpoints": 0.125}
