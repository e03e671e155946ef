"""The speed of training: all characters over the time of their updates."""

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import Reshaped, StepDone


class Speed(Listener):
    """Characters a second over all updates of a session but its first, which compiles.

    Args:
        characters_per_step: of an update of the first epoch.
    """

    def __init__(self, characters_per_step: int) -> None:
        self._characters_per_step = characters_per_step
        self._num_updates = self._num_characters = 0
        self._seconds = 0.0

    def hear(self, event: RunEvent) -> None:
        """Count an update."""
        match event:
            case StepDone():
                self._num_updates += 1
                if self._num_updates > 1:
                    self._num_characters += self._characters_per_step
                    self._seconds += event.seconds
            case Reshaped():
                self._characters_per_step = event.characters_per_step

    def find(self) -> float | None:
        """Return the speed; None before the second update."""
        return self._num_characters / self._seconds if self._seconds > 0.0 else None
