"""The seconds of a session that the loop measures."""

import time

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.training.loop import Saved, StepDone, Validated


class Times(Listener):
    """Adds the seconds of start (first update included), updates, validation and checkpoints to a stopwatch.

    Args:
        watch: shared with the other listeners.
        began: `time.time()` when the session began.
    """

    def __init__(self, watch: Stopwatch, began: float) -> None:
        self._watch, self._began = watch, began
        self._has_started = False

    def hear(self, event: RunEvent) -> None:
        """Add the seconds of the event."""
        match event:
            case StepDone() if not self._has_started:
                self._watch.add("start", time.time() - self._began)
                self._has_started = True
            case StepDone():
                self._watch.add("updates", event.seconds)
            case Validated():
                self._watch.add("validation", event.seconds)
            case Saved():
                self._watch.add("checkpoints", event.seconds)
