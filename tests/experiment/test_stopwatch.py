"""Seconds by activity."""

import time

import pytest

from charrnn_exp.experiment.stopwatch import Stopwatch


def wait_and_fail(watch: Stopwatch) -> None:
    with watch.time("saving"):
        time.sleep(0.05)
        raise ZeroDivisionError


def test_seconds_add_up_also_when_the_body_raises() -> None:
    watch = Stopwatch()
    watch.add("saving", 1.0)
    with watch.time("saving"):
        time.sleep(0.05)
    with pytest.raises(ZeroDivisionError):
        wait_and_fail(watch)
    assert 1.1 <= watch.seconds["saving"] < 2.0


def test_activities_stand_in_the_order_they_came() -> None:
    watch = Stopwatch()
    for activity in ("b", "a", "b"):
        watch.add(activity, 1.0)
    assert list(watch.seconds.items()) == [("b", 2.0), ("a", 1.0)]
