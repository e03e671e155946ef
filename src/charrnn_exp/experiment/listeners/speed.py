"""The speed of training: all characters over the time of their updates."""

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import StepDone


class Speed(Listener):
    """Characters a second over all updates of a session but its first, which compiles.

    Args:
        characters_per_step: of an update.
    """

    def __init__(self, characters_per_step: int) -> None:
        self._characters_per_step = characters_per_step
        self._num_updates = 0
        self._seconds = 0.0

    def hear(self, event: RunEvent) -> None:
        """Count an update."""
        if isinstance(event, StepDone):
            self._num_updates += 1
            self._seconds += event.seconds if self._num_updates > 1 else 0.0

    def find(self) -> float | None:
        """Return the speed; None before the second update."""
        done = self._num_updates - 1
        return done * self._characters_per_step / self._seconds if done > 0 and self._seconds > 0.0 else None
