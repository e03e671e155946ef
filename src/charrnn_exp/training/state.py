"""Everything that moves while a model trains: what is saved is this, and nothing else is needed to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from charrnn_exp.model.network import Network, States
from charrnn_exp.training.checkpoint import Arrays


@dataclass
class Progress:
    """Where the run stands.

    Args:
        step: optimizer updates made.
        epoch: passes completed.
        step_in_epoch: updates made in the pass that is under way.
        best_val_loss: lowest validation loss so far, nats per character; infinity before the first validation.
        best_step: where it was reached.
        validations_since_best: for early stopping.
        loss_sum: sum of the training losses of this epoch's steps.
        last_epoch_loss: mean training loss of the last complete pass; NaN before.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best_val_loss: float = float("inf")
    best_step: int = 0
    validations_since_best: int = 0
    loss_sum: float = 0.0
    last_epoch_loss: float = float("nan")

    @property
    def train_loss(self) -> float:
        """Mean training loss of the pass under way, or of the last one where none is."""
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

    def weight_arrays(self) -> Arrays:
        """Return the weights that samples and val_loss use: the averaged ones where averaging is on."""
        variables = self.network.trainable_variables
        values = self.ema or [variable.value for variable in variables]
        return {_name(v): value.numpy() for v, value in zip(variables, values, strict=True)}

    def training_arrays(self) -> Arrays:
        """Return all else that determines the numbers to come."""
        arrays: Arrays = {}
        arrays |= {f"network.{i:03d}": np.asarray(v) for i, v in enumerate(self._unaveraged_variables())}
        arrays |= {f"optimizer.{i:03d}": np.asarray(v) for i, v in enumerate(self.optimizer.variables)}
        for i, (hidden_bh, cell_bh) in enumerate(self.carried):
            arrays |= {f"carried.{i}.hidden": hidden_bh.numpy(), f"carried.{i}.cell": cell_bh.numpy()}
        arrays |= {f"progress.{name}": np.asarray(value) for name, value in vars(self.progress).items()}
        return arrays

    def restore(self, weights: Arrays, training: Arrays) -> None:
        """Put the arrays of `weight_arrays` and `training_arrays` back."""
        load_weights(self.network, weights)
        for variable, average in zip(self.network.trainable_variables, self.ema, strict=False):
            average.assign(weights[_name(variable)])
        for i, variable in enumerate(self._unaveraged_variables()):
            variable.assign(training[f"network.{i:03d}"])
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(training[f"optimizer.{i:03d}"])
        self.carried = [
            (tf.constant(training[f"carried.{i}.hidden"]), tf.constant(training[f"carried.{i}.cell"]))
            for i in range(len(self.carried))
        ]
        self.progress = Progress(**{name: training[f"progress.{name}"].item() for name in vars(self.progress)})

    def _unaveraged_variables(self) -> list[Any]:
        """Return what `weight_arrays` lacks: dropout seeds, and the raw weights where averaging is on."""
        # By number, not by name: Keras counts its seed generators through the whole process.
        return list(self.network.variables if self.ema else self.network.non_trainable_variables)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Give the network the averaged weights for a while; nothing changes where averaging is off."""
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
    return TrainingState(network, optimizer, averages, network.empty_states(batch_size))


def load_weights(network: Network, weights: Arrays) -> None:
    """Give the network the weights of a `weights.npz`."""
    for variable in network.trainable_variables:
        variable.assign(weights[_name(variable)])


def _name(variable: Any) -> str:
    return str(variable.path).removeprefix("network/").replace("/", ".")
