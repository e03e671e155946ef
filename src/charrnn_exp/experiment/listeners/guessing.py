"""A warning where a model is worse than guessing."""

import logging
import math

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import Validated

log = logging.getLogger("charrnn_exp")


class Guessing(Listener):
    """Warns once of a validation loss above ln v, which guessing each symbol with the same probability has.

    Args:
        num_symbols: v.
    """

    def __init__(self, num_symbols: int) -> None:
        self._num_symbols, self._has_warned = num_symbols, False

    def hear(self, event: RunEvent) -> None:
        """Compare a validation loss."""
        if isinstance(event, Validated) and not self._has_warned and event.loss > math.log(self._num_symbols):
            self._has_warned = True
            log.warning(
                "val_loss %s after step %s is above %.4f, ln of the %s symbols: guessing them all alike is better. "
                "Train longer, or lower optimizer.learning_rate.",
                f"{event.loss:.4f}" if event.loss < 1000 else f"{event.loss:.3g}",
                f"{event.step:,}",
                math.log(self._num_symbols),
                f"{self._num_symbols:,}",
            )
