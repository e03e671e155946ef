"""The progress of a training: counters and best values, and whether it is complete. TensorFlow is not imported."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.arrays import Arrays


@dataclass
class Progress:
    """Counters and best values of a run.

    Args:
        step: optimizer updates made.
        epoch: completed epochs.
        step_in_epoch: updates made in the current epoch.
        best_val_loss: lowest validation loss, nats per character; infinity before the first validation.
        best_step: step of that loss; 0 before the first validation.
        validations_since_best: for early stopping and the plateau schedule.
        plateau_factor: current factor of the plateau schedule.
        loss_sum: sum of the training losses in the current epoch.
        last_epoch_loss: mean training loss of the last complete epoch; NaN before.
        is_validation_due: a signal interrupted the validation after this step.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best_val_loss: float = float("inf")
    best_step: int = 0
    validations_since_best: int = 0
    plateau_factor: float = 1.0
    loss_sum: float = 0.0
    last_epoch_loss: float = float("nan")
    is_validation_due: bool = False

    def forget_best(self) -> None:
        """Start the search for the lowest validation loss anew."""
        self.best_val_loss, self.best_step, self.validations_since_best = float("inf"), 0, 0

    @property
    def train_loss(self) -> float:
        """Mean training loss of the current epoch, or of the last one where no update was made since."""
        return self.loss_sum / self.step_in_epoch if self.step_in_epoch else self.last_epoch_loss

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the progress in the arrays of a checkpoint.

        Raises:
            MachineError: if a value is missing, of another type or negative.
        """
        return cls(**{name: _read_number(arrays, f"progress.{name}", like) for name, like in vars(cls()).items()})

    def has_lost_patience(self, patience: int | None) -> bool:
        """Return whether early stopping has ended the training; patience in validations, None: off."""
        return patience is not None and self.validations_since_best >= patience


def is_finished(progress: Progress, training: TrainingConfig, *, num_steps: int) -> bool:
    """Return whether the training is complete: all steps are made, or early stopping ended it."""
    ran_out = progress.has_lost_patience(training.early_stopping_patience)
    return not progress.is_validation_due and (progress.step >= num_steps or ran_out)


def is_stopped_early(progress: Progress, training: TrainingConfig, *, num_steps: int) -> bool:
    """Return whether early stopping ended the training before all its steps were made."""
    return progress.step < num_steps and is_finished(progress, training, num_steps=num_steps)


def _read_number(arrays: Arrays, name: str, like: Any) -> Any:
    found, kind = arrays.get(name), np.asarray(like).dtype
    if found is None or (found.dtype, found.shape) != (kind, ()):
        shown = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise MachineError(f"the checkpoint is damaged: {name} is {shown}, which must be {kind} ().")
    if found < 0:
        raise MachineError(f"the checkpoint is damaged: {name} is {found}, below 0.")
    return found.item()
