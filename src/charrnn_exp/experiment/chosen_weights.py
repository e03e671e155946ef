"""The weights that speak for a run at its end: the best ones after early stopping, else the last."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.training.progress import Progress, is_stopped_early
from charrnn_exp.training.state import TrainingState

log = logging.getLogger("charrnn_exp")


@dataclass(frozen=True)
class ChosenWeights:
    """The weights of the final scores and the final sample.

    Args:
        step: that they are of.
        best: arrays of the best checkpoint; None: the weights are those that the training ended with.
    """

    step: int
    best: Arrays | None = None

    @contextmanager
    def loaded(self, state: TrainingState) -> Iterator[None]:
        """Let the state score and sample with these weights within the block; its own come back after it."""
        if self.best is None:
            yield
        else:
            with state.other_weights(self.best):
                yield


def choose_weights(
    progress: Progress, training: TrainingConfig, checkpoints: CheckpointStore, *, num_steps: int
) -> ChosenWeights:
    """Return the best weights if early stopping ended the training, else the last ones.

    Args:
        progress: after the last update.
        training: settings of the loop.
        checkpoints: of the run; where the best is damaged, a warning is logged and the last weights are chosen.
        num_steps: updates that the settings ask for.
    """
    last = ChosenWeights(progress.step)
    if not is_stopped_early(progress, training, num_steps=num_steps) or progress.best_step in (0, progress.step):
        return last
    checkpoint = checkpoints.best_or_newest()
    try:
        return ChosenWeights(checkpoint.step, checkpoint.read(WEIGHTS))
    except (MachineError, OSError) as error:
        log.warning("%s The scores and the sample are of the last weights.", one_line(error))
        return last
