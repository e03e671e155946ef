"""A model that is worse than guessing is told of, once."""

import logging
import math
from collections.abc import Iterator

import pytest

from charrnn_exp.experiment.listeners.guessing import Guessing
from charrnn_exp.training.loop import Validated

LIMIT = math.log(65)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []

    class ToList(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record)

    logger, handler = logging.getLogger("charrnn_exp"), ToList()
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def hear(*losses: float) -> Guessing:
    guessing = Guessing(65)
    for step, loss in enumerate(losses, start=1):
        guessing.hear(Validated(step, 1, loss=loss, raw_loss=loss, is_best=False, seconds=0.1))
    return guessing


def test_a_validation_loss_above_that_of_guessing_is_warned_of_once(records: list[logging.LogRecord]) -> None:
    hear(LIMIT - 0.001, 4.3, 5.0).finish()
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("val_loss 4.3000 after step 2 is above 4.1744, ln of the 65 symbols")


def test_a_run_that_ends_slightly_above_it_is_told_at_its_end(records: list[logging.LogRecord]) -> None:
    guessing = hear(LIMIT + 0.002)
    assert records == []
    guessing.finish()
    assert len(records) == 1


def test_a_run_that_begins_slightly_above_it_and_learns_is_not_told(records: list[logging.LogRecord]) -> None:
    hear(LIMIT + 0.002, 4.17, 1.5).finish()
    hear().finish()
    assert records == []


def test_a_huge_loss_is_short(
    records: list[logging.LogRecord],
) -> None:
    hear(1e20)
    assert records[0].getMessage().startswith("val_loss 1e+20 after step 1")
