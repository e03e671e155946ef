"""Events of a small run, written by hand."""

from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.experiment.listeners.listener import RunEvent, Scored
from charrnn_exp.training.loop import EpochDone, Saved, Saving, StepDone, Validated

STEPS: list[StepDone] = [
    StepDone(step, 1, loss, gradient_norm=0.5, learning_rate=0.1, seconds=seconds)
    for step, loss, seconds in ((1, 3.5, 8.0), (2, 3.0, 2.0), (3, 2.5, 4.0))
]
EPOCH = EpochDone(3, 1, 3.0)
VALIDATED = Validated(3, 1, loss=2.0, raw_loss=2.25, is_best=True, seconds=0.25)
SAVED = Saved(3, kept=True, seconds=0.125)
SCORED = Scored(3, "val", Scores(loss=2.0, accuracy=0.5, standard_error=None, num_characters=11))
EVENTS: list[RunEvent] = [*STEPS, EPOCH, VALIDATED, Saving(), SAVED, SCORED]
