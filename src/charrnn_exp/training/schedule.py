"""The learning rate of each update."""

import math
from dataclasses import replace

from charrnn_exp.config.choices import Schedule
from charrnn_exp.config.schema import OptimizerConfig, TrainingConfig
from charrnn_exp.data.plan import BatchPlan


def find_learning_rate(
    optimizer: OptimizerConfig, *, step: int, num_steps: int, steps_per_epoch: int, plateau_factor: float = 1.0
) -> float:
    """Return the learning rate of the update after `step` updates.

    The warmup reaches the peak at its last step. Every schedule begins after it and stays at or above the least rate.
    Source of the cosine: Loshchilov and Hutter 2017, SGDR, equation 5, without restarts.

    Args:
        optimizer: peak rate, warmup, schedule.
        step: updates made.
        num_steps: updates of the whole run; a cosine reaches the least rate after the last.
        steps_per_epoch: updates in one epoch, the unit of decay_every_epochs.
        plateau_factor: current factor of the plateau schedule, see `find_plateau_factor`.
    """
    if step < optimizer.warmup_steps:
        return optimizer.learning_rate * (step + 1) / optimizer.warmup_steps
    done, peak, least = step - optimizer.warmup_steps, optimizer.learning_rate, optimizer.min_learning_rate
    match optimizer.schedule:
        case Schedule.constant:
            rate = peak
        case Schedule.cosine:
            share = done / max(1, num_steps - optimizer.warmup_steps)
            rate = least + (peak - least) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))
        case Schedule.exponential:
            rate = peak * _decay_rate(optimizer) ** (done / (_decay_epochs(optimizer) * steps_per_epoch))
        case Schedule.step:
            every = max(1, round(_decay_epochs(optimizer) * steps_per_epoch))
            rate = peak * _decay_rate(optimizer) ** (done // every)
        case Schedule.plateau:
            rate = peak * plateau_factor
        case _:
            raise AssertionError(optimizer.schedule)
    return max(least, rate)


def find_planned_rate(
    optimizer: OptimizerConfig, training: TrainingConfig, plan: BatchPlan, *, step: int, plateau_factor: float = 1.0
) -> float:
    """Return the learning rate of the update after `step` updates of a run.

    Where the shape of the batches changes, the rate goes on from the share of the epochs that is done.
    """
    position = plan.find_position(step, training)
    return find_learning_rate(
        replace(optimizer, warmup_steps=round(optimizer.warmup_steps * position.growth)),
        step=position.step,
        num_steps=position.num_steps,
        steps_per_epoch=position.steps_per_epoch,
        plateau_factor=plateau_factor,
    )


def find_plateau_factor(optimizer: OptimizerConfig, *, factor: float, validations_since_best: int) -> float:
    """Return the factor of the plateau schedule after a validation; it falls each time the patience has run out.

    Args:
        optimizer: patience, and the decay rate of one fall.
        factor: factor before the validation.
        validations_since_best: validations since the lowest val_loss; 0: this one is the lowest.
    """
    patience = optimizer.plateau_patience
    if patience is None or validations_since_best == 0 or validations_since_best % patience:
        return factor
    return factor * _decay_rate(optimizer)


def _decay_rate(optimizer: OptimizerConfig) -> float:
    assert optimizer.decay_rate is not None
    return optimizer.decay_rate


def _decay_epochs(optimizer: OptimizerConfig) -> float:
    assert optimizer.decay_every_epochs is not None
    return optimizer.decay_every_epochs
