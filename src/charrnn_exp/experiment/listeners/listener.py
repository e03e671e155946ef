"""The interface of a listener: a new one is a class in a file of this folder and a line in `experiment.run`."""

from dataclasses import dataclass

from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.sampling.novelty import Novelty
from charrnn_exp.training.loop import Event


@dataclass(frozen=True)
class Scored:
    """A whole text was scored after the end of the training, with the chosen weights, which are of `step`."""

    step: int
    split: str
    scores: Scores


@dataclass(frozen=True)
class Chosen:
    """The training is complete; the scores and the sample that follow are of the weights of this step."""

    step: int
    is_best: bool


@dataclass(frozen=True)
class Sampled:
    """The lines of the last sample, which is of this step, were compared with the training text."""

    step: int
    novelty: Novelty


RunEvent = Event | Chosen | Scored | Sampled


class Listener:
    """Receives the events of a run in the order that `training.loop` draws; each method does nothing by default.

    An error in a method ends the run; an OSError of `close` after another error is only logged.
    """

    def start(self) -> None:
        """Begin a session, before its first update."""

    def hear(self, event: RunEvent) -> None:
        """Handle an event after it has happened."""

    def finish(self) -> None:
        """Complete a run that is trained and scored."""

    def close(self, status: str) -> None:
        """End the session with its status: FINISHED, KILLED or FAILED."""
