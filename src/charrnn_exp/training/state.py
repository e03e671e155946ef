"""The training state: all that changes while a model trains, and all that a checkpoint must hold.

Axes: b stream, h hidden units.
"""

from collections.abc import Iterator, Sequence
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
from charrnn_exp.training.progress import Progress


@dataclass
class TrainingState:
    """The network's variables, the optimizer's slots, the averaged weights, the carried states, the progress."""

    network: Network
    optimizer: keras.optimizers.Optimizer
    ema: list[tf.Variable]
    """Averaged weights in the order of network.trainable_variables; empty where averaging is off."""
    carried: States
    progress: Progress = field(default_factory=Progress)
    num_parts: int = 1
    """Parts of a batch that are computed at once; one whose streams they do not divide is taken as a whole."""
    devices: Sequence[str] = ()
    """Those that the parts lie on in turn; none: TensorFlow's choice."""

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

    def restore(
        self, weights: Arrays, training: Arrays, *, step: int | None = None, had_dropout: Sequence[bool] | None = None
    ) -> None:
        """Restore the arrays of `weight_arrays` and `training_arrays`.

        Args:
            weights: of the checkpoint.
            training: of the checkpoint; its carried states may be of another number of streams than this state's.
            step: that the progress must be of; None: any.
            had_dropout: whether each of `Network.list_dropouts` was on when the checkpoint was made; None: as now. One
                that was off starts from its first seed.

        Raises:
            MachineError: if an array is missing or has another shape or type, or if the progress is of another step
                than the one given.
        """
        load_weights(self.network, weights)
        for variable, average in zip(self.network.trainable_variables, self.ema, strict=False):
            average.assign(find_array(weights, name_weight(variable), average))
        for name, variable in self._name_unaveraged(training, had_dropout):
            variable.assign(find_array(training, name, variable))
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(find_array(training, f"optimizer.{i:03d}", variable))
        found = [tf.constant(find_array(training, name, array_bh)) for name, array_bh in self._name_carried()]
        self.carried = tf.nest.pack_sequence_as(self.carried, found)
        progress = Progress.from_arrays(training)
        if step is not None and progress.step != step:
            raise MachineError(
                f"the checkpoint is damaged: progress.step is {progress.step}, its manifest says {step}."
            )
        self.progress = progress

    def _name_unaveraged(self, training: Arrays, had_dropout: Sequence[bool] | None) -> Iterator[tuple[str, Any]]:
        """Yield the variables of `_unaveraged_variables` that a checkpoint has, each with the name of its array."""
        variables, dropouts = self._unaveraged_variables(), self.network.list_dropouts()
        if had_dropout is None or list(had_dropout) == [layer.rate > 0 for layer in dropouts]:
            yield from ((f"network.{i:03d}", variable) for i, variable in enumerate(variables))
            return
        # Seeds are the only whole numbers, in the order of the layers.
        names = [name for name in sorted(training) if name.startswith("network.")]
        seeds = iter(name for name in names if training[name].dtype.kind in "iu")
        rest = iter(name for name in names if training[name].dtype.kind not in "iu")
        seed_names = {
            id(layer.seed_generator.state) if layer.rate > 0 else None: next(seeds, "a seed of dropout")
            for layer, had in zip(dropouts, had_dropout, strict=True)
            if had
        }
        own = {id(layer.seed_generator.state) for layer in dropouts if layer.rate > 0}
        for variable in variables:
            if id(variable) not in own:
                yield next(rest, "network"), variable
            elif id(variable) in seed_names:
                yield seed_names[id(variable)], variable

    def _name_carried(self) -> list[tuple[str, Any]]:
        """Return the arrays of the carried states with their names, in order."""
        return [
            (f"carried.{i}.{name}", array_bh)
            for i, (layer, arrays) in enumerate(zip(self.network.recurrent, self.carried, strict=True))
            for name, array_bh in zip(layer.cell.state_names, arrays, strict=True)
        ]

    def _unaveraged_variables(self) -> list[Any]:
        """Return the variables outside `weight_arrays`: dropout seeds, and raw weights if it holds averaged ones."""
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

    @contextmanager
    def other_weights(self, weights: Arrays) -> Iterator[None]:
        """Load the arrays of `weight_arrays` of another step within the block, as weights and as averages."""
        own = [(variable, variable.numpy()) for variable in (*self.ema, *self.network.trainable_variables)]
        load_weights(self.network, weights)
        for variable, average in zip(self.network.trainable_variables, self.ema, strict=False):
            average.assign(variable)
        try:
            yield
        finally:
            for variable, value in own:
                variable.assign(value)


def start_state(
    network: Network,
    optimizer: keras.optimizers.Optimizer,
    *,
    batch_size: int,
    ema: bool,
    num_parts: int = 1,
    devices: Sequence[str] = (),
) -> TrainingState:
    """Return the state before the first step."""
    averages = [tf.Variable(v.value, trainable=False) for v in network.trainable_variables] if ema else []
    carried = network.first_states(batch_size)
    return TrainingState(network, optimizer, averages, carried, num_parts=num_parts, devices=devices)
