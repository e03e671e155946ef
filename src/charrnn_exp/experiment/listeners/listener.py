"""The interface of a listener: a new one is a class in a file of this folder and a line in `experiment.run`."""

from dataclasses import dataclass

from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.training.loop import Event


@dataclass(frozen=True)
class Scored:
    """A whole text was scored after the last step, with the weights that samples use."""

    step: int
    split: str
    scores: Scores


RunEvent = Event | Scored


class Listener:
    """Is told of a run, in the order that `training.loop` draws; does nothing but in the calls that it overrides.

    An error that a call raises ends the run, but for an OSError of `close` after another error.
    """

    def start(self) -> None:
        """Begin a session: the state stands at its first step, nothing is trained yet."""

    def hear(self, event: RunEvent) -> None:
        """Take note of an event after it has happened."""

    def finish(self) -> None:
        """Complete a run that is trained and scored."""

    def close(self, status: str) -> None:
        """End with FINISHED, KILLED or FAILED, whichever way it came to that."""
