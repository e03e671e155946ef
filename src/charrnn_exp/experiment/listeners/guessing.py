"""A warning where a model is worse than guessing."""

import logging
import math

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import Validated

CLEARLY = 1.01
"""Factor above the loss of guessing that is warned of at once. An untrained network lies less above it."""

log = logging.getLogger("charrnn_exp")


class Guessing(Listener):
    """Warns once of a validation loss above ln v, which guessing each symbol with the same probability has.

    One that is clearly above is warned of at once, one that is slightly above only if it is the last.

    Args:
        num_symbols: v.
    """

    def __init__(self, num_symbols: int) -> None:
        self._num_symbols, self._has_warned = num_symbols, False
        self._last: Validated | None = None

    def hear(self, event: RunEvent) -> None:
        """Compare a validation loss."""
        if isinstance(event, Validated):
            self._last = event
            self._compare(event, math.log(self._num_symbols) * CLEARLY)

    def finish(self) -> None:
        """Compare the last validation loss."""
        if self._last is not None:
            self._compare(self._last, math.log(self._num_symbols))

    def _compare(self, event: Validated, limit: float) -> None:
        if self._has_warned or event.loss <= limit:
            return
        self._has_warned = True
        log.warning(
            "val_loss %s after step %s is above %.4f, ln of the %s symbols: guessing them all alike is better. "
            "Train longer, or lower optimizer.learning_rate.",
            f"{event.loss:.4f}" if event.loss < 1000 else f"{event.loss:.3g}",
            f"{event.step:,}",
            math.log(self._num_symbols),
            f"{self._num_symbols:,}",
        )
