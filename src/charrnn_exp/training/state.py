"""The training state: all that changes while a model trains, and all that a checkpoint must hold.

Axes: b stream, h hidden units.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from charrnn_exp.errors import MachineError
from charrnn_exp.model.network import Network, States
from charrnn_exp.model.weights import find_array, load_weights, name_weight, read_weights
from charrnn_exp.run_folder.arrays import Arrays
from charrnn_exp.run_folder.checkpoint import Snapshot


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


@dataclass
class TrainingState:
    """The network's variables, the optimizer's slots, the averaged weights, the carried states, the progress."""

    network: Network
    optimizer: keras.optimizers.Optimizer
    ema: list[tf.Variable]
    """Averaged weights in the order of network.trainable_variables; empty where averaging is off."""
    carried: States
    progress: Progress = field(default_factory=Progress)

    def snapshot(self) -> Snapshot:
        """Return the state as plain numbers, for a checkpoint."""
        progress = self.progress
        return Snapshot(
            step=progress.step,
            epoch=progress.epoch,
            best_step=progress.best_step,
            best_val_loss=progress.best_val_loss,
            weights=self.weight_arrays(),
            training=self.training_arrays(),
        )

    def weight_arrays(self) -> Arrays:
        """Return the weights for sampling and validation: the averaged ones where averaging is on."""
        names = [name_weight(variable) for variable in self.network.trainable_variables]
        averages = dict(zip(names, (average.numpy() for average in self.ema), strict=False))
        return averages or read_weights(self.network)

    def training_arrays(self) -> Arrays:
        """Return the rest of the state: optimizer slots, seeds, carried states, progress."""
        arrays: Arrays = {}
        arrays |= {f"network.{i:03d}": np.asarray(v) for i, v in enumerate(self._unaveraged_variables())}
        arrays |= {f"optimizer.{i:03d}": np.asarray(v) for i, v in enumerate(self.optimizer.variables)}
        arrays |= {name: array_bh.numpy() for name, array_bh in self._name_carried()}
        arrays |= {f"progress.{name}": np.asarray(value) for name, value in vars(self.progress).items()}
        return arrays

    def restore(self, weights: Arrays, training: Arrays, *, step: int | None = None) -> None:
        """Restore the arrays of `weight_arrays` and `training_arrays`.

        Raises:
            MachineError: if an array is missing or has another shape or type, or if the progress is of another step
                than the one given.
        """
        load_weights(self.network, weights)
        for variable, average in zip(self.network.trainable_variables, self.ema, strict=False):
            average.assign(find_array(weights, name_weight(variable), average))
        for i, variable in enumerate(self._unaveraged_variables()):
            variable.assign(find_array(training, f"network.{i:03d}", variable))
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(find_array(training, f"optimizer.{i:03d}", variable))
        found = [tf.constant(find_array(training, name, array_bh)) for name, array_bh in self._name_carried()]
        self.carried = tf.nest.pack_sequence_as(self.carried, found)
        progress = Progress(
            **{
                name: find_array(training, f"progress.{name}", value).item()
                for name, value in vars(self.progress).items()
            }
        )
        if step is not None and progress.step != step:
            raise MachineError(
                f"the checkpoint is damaged: progress.step is {progress.step}, its manifest says {step}."
            )
        self.progress = progress

    def _name_carried(self) -> list[tuple[str, Any]]:
        """Return the arrays of the carried states with their names, in order."""
        return [
            (f"carried.{i}.{name}", array_bh)
            for i, (layer, arrays) in enumerate(zip(self.network.recurrent, self.carried, strict=True))
            for name, array_bh in zip(layer.cell.state_names, arrays, strict=True)
        ]

    def _unaveraged_variables(self) -> list[Any]:
        """Return the variables that `weight_arrays` lacks: dropout seeds, and the raw weights where averaging is on."""
        # By number, not by name: Keras numbers seed generators through the whole process.
        return list(self.network.variables if self.ema else self.network.non_trainable_variables)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Load the averaged weights into the network within the block; does nothing where averaging is off."""
        variables = self.network.trainable_variables if self.ema else []
        raw = [variable.numpy() for variable in variables]
        for variable, average in zip(variables, self.ema, strict=True):
            variable.assign(average)
        try:
            yield
        finally:
            for variable, value in zip(variables, raw, strict=True):
                variable.assign(value)


def start_state(
    network: Network, optimizer: keras.optimizers.Optimizer, *, batch_size: int, ema: bool
) -> TrainingState:
    """Return the state before the first step."""
    averages = [tf.Variable(v.value, trainable=False) for v in network.trainable_variables] if ema else []
    return TrainingState(network, optimizer, averages, network.first_states(batch_size))
