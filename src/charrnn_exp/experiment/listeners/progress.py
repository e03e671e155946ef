"""The progress of a training on the terminal."""

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.experiment.listeners.speed import Speed
from charrnn_exp.training.loop import EpochDone, Reshaped, StepDone, Validated
from charrnn_exp.training.state import TrainingState
from charrnn_exp.views.progress import TrainingView


class ProgressLines(Listener):
    """Moves the bar with each update; prints a line after each validation, or each pass where nothing is validated.

    Args:
        view: on the terminal during the loop.
        state: its progress has the mean training loss of the pass under way.
        characters_per_step: of an update of the first epoch, for the speed.
        is_validated: whether there is a validation text.
    """

    def __init__(
        self, view: TrainingView, state: TrainingState, *, characters_per_step: int, is_validated: bool
    ) -> None:
        self._view, self._state = view, state
        self._speed, self._is_validated = Speed(characters_per_step), is_validated

    def hear(self, event: RunEvent) -> None:
        """Show the event."""
        match event:
            case StepDone():
                self._speed.hear(event)
                self._view.step(
                    step=event.step, epoch=event.epoch, loss=event.loss, chars_per_second=self._speed.find()
                )
            case Reshaped():
                self._speed.hear(event)
            case Validated():
                self._view.validated(event.loss)
                self._view.epoch(epoch=event.epoch, step=event.step, loss=self._state.progress.train_loss)
            case EpochDone() if not self._is_validated:
                self._view.epoch(epoch=event.epoch, step=event.step, loss=event.loss)
