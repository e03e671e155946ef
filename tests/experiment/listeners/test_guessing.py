"""A model that is worse than guessing is told of, once."""

import logging
import math

import pytest

from charrnn_exp.experiment.listeners.guessing import Guessing
from charrnn_exp.training.loop import Validated


def hear(*losses: float) -> None:
    guessing = Guessing(65)
    for step, loss in enumerate(losses, start=1):
        guessing.hear(Validated(step, 1, loss=loss, raw_loss=loss, is_best=False, seconds=0.1))


def test_a_validation_loss_above_that_of_guessing_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("charrnn_exp")
    logger.addHandler(caplog.handler)
    try:
        hear(math.log(65) - 0.001, 4.2, 5.0)
    finally:
        logger.removeHandler(caplog.handler)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("val_loss 4.2000 after step 2 is above 4.1744, ln of the 65 symbols")


def test_a_loss_below_that_of_guessing_is_no_matter(caplog: pytest.LogCaptureFixture) -> None:
    hear(4.17, 1.5)
    assert caplog.records == []
