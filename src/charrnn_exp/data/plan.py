"""The plan of a run: the order of its batches, which a resumed run may change at the end of an epoch.

Axes: l line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.data.batches import BatchOrder, plan_batches
from charrnn_exp.data.line_order import LineOrder, plan_lines
from charrnn_exp.errors import MachineError

Order = BatchOrder | LineOrder
SHAPES = ("batch_size", "sequence_length")
"""Settings of the shape of a batch, below `training`."""


@dataclass(frozen=True, kw_only=True)
class Reshape:
    """A change of the shape of the batches.

    Args:
        step: after which the new shape holds; the end of an epoch.
        field: one of `SHAPES`.
        old: value before it.
        new: value after it.
    """

    step: int
    field: str
    old: int
    new: int


@dataclass(frozen=True)
class Phase:
    """Epochs with batches of one shape.

    Args:
        first_epoch: from 0.
        first_step: updates made before it.
        order: of the batches.
    """

    first_epoch: int
    first_step: int
    order: Order


@dataclass(frozen=True)
class Position:
    """How far a run is, as if all its epochs had as many updates as the current one.

    Learning rates follow the share of the epochs that is done, and so do not jump where the shape of the batches
    changes. In a run without such a change, all values are the plain counts of updates.

    Args:
        step: updates made.
        num_steps: updates of the whole run.
        steps_per_epoch: updates in an epoch.
        growth: updates in an epoch relative to the first epochs of the run.
    """

    step: int
    num_steps: int
    steps_per_epoch: int
    growth: float


@dataclass(frozen=True)
class BatchPlan:
    """The phases of a run, in order; most runs have one."""

    phases: tuple[Phase, ...]

    def find_order(self, epoch: int) -> Order:
        """Return the order of an epoch, from 0."""
        return [phase for phase in self.phases if phase.first_epoch <= epoch][-1].order

    def find_batch_size(self, step: int) -> int:
        """Return the number of streams whose states are carried after this number of updates."""
        return [phase for phase in self.phases if phase.first_step < max(step, 1)][-1].order.batch_size

    def count_steps(self, training: TrainingConfig) -> int:
        """Return the number of updates of the whole run."""
        num_steps = self.count_epoch_steps(training.epochs)
        return num_steps if training.max_steps is None else min(num_steps, training.max_steps)

    def count_epoch_steps(self, epochs: int) -> int:
        """Return the number of updates of this number of epochs."""
        phase = [phase for phase in self.phases if phase.first_epoch < max(epochs, 1)][-1]
        return phase.first_step + (epochs - phase.first_epoch) * phase.order.steps_per_epoch

    def find_position(self, step: int, training: TrainingConfig) -> Position:
        """Return the position after this number of updates."""
        phase = [phase for phase in self.phases if phase.first_step <= step][-1]
        each = phase.order.steps_per_epoch
        before = phase.first_epoch * each
        num_steps = training.epochs * each
        if training.max_steps is not None:
            num_steps = min(num_steps, before + max(0, training.max_steps - phase.first_step))
        growth = each / self.phases[0].order.steps_per_epoch
        return Position(before + step - phase.first_step, num_steps, each, growth)

    def find_epoch_end(self, *, step: int, epoch: int, step_in_epoch: int) -> int:
        """Return the updates made when the epoch under way ends; between two epochs, those made already."""
        return step - step_in_epoch + (self.find_order(epoch).steps_per_epoch if step_in_epoch else 0)


def plan_run(
    num_characters: int,
    training: TrainingConfig,
    *,
    seed: int,
    reshapes: Sequence[Reshape] = (),
    lengths_l: npt.NDArray[np.int64] | None = None,
) -> BatchPlan:
    """Return the plan of a training text.

    Args:
        num_characters: of the training text.
        training: settings of the last phase.
        seed: of the order.
        reshapes: in the order of their steps.
        lengths_l: of the lines of a training text that is a list of lines, see `LineOrder`; None: it is none.

    Raises:
        UserError: if the text does not fill a single update of a phase.
        MachineError: if the changes do not fit the settings, or one is not at the end of an epoch.
    """

    def plan(shape: dict[str, Any]) -> Order:
        shaped = replace(training, **shape)
        if lengths_l is not None:
            return plan_lines(lengths_l, shaped, seed=seed)
        return plan_batches(num_characters, shaped, seed=seed)

    shape = {field: getattr(training, field) for field in SHAPES}
    for change in reversed(reshapes):
        if shape[change.field] != change.new:
            raise MachineError(
                f"changes.json is damaged: training.{change.field} must be {shape[change.field]} after step "
                f"{change.step}, got {change.new}."
            )
        shape[change.field] = change.old
    phases = [Phase(0, 0, plan(shape))]
    for change in reshapes:
        shape[change.field] = change.new
        last = phases[-1]
        epochs, rest = divmod(change.step - last.first_step, last.order.steps_per_epoch)
        if rest or epochs < 0:
            raise MachineError(f"changes.json is damaged: step {change.step} is not the end of an epoch.")
        # A second change at the same step replaces what the first one made.
        phases[len(phases) - (epochs == 0) :] = [Phase(last.first_epoch + epochs, change.step, plan(shape))]
    return BatchPlan(tuple(phases))
