"""Checks of the settings of the optimizer and its schedule."""

import math
from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least, float32, positive, share
from charrnn_exp.config.choices import OptimizerName, Schedule
from charrnn_exp.config.schema import OptimizerConfig


def find_optimizer_problems(optimizer: OptimizerConfig) -> Iterator[str]:
    """Yield the problems of the settings of the optimizer and its schedule, one line each."""
    yield from positive("optimizer.learning_rate", optimizer.learning_rate)
    yield from at_least("optimizer.warmup_steps", optimizer.warmup_steps, 0)
    for field in ("clip_norm", "clip_value"):
        value = getattr(optimizer, field)
        if value is not None:
            yield from positive(f"optimizer.{field}", value)
    if optimizer.clip_norm is not None and optimizer.clip_value is not None:
        yield (
            f"optimizer.clip_value must be null when optimizer.clip_norm is set, got {optimizer.clip_value}. "
            "Keep one of them: optimizer.clip_norm=null."
        )
    if not all(word.strip() for word in optimizer.weight_decay_exclude):
        yield (
            "optimizer.weight_decay_exclude must be words of at least one letter, got "
            f"{optimizer.weight_decay_exclude}. An empty one would spare every weight; [] spares none."
        )
    yield from _schedule_problems(optimizer)
    yield from _belongs("momentum", optimizer, OptimizerName.sgd)
    yield from _belongs("rho", optimizer, OptimizerName.rmsprop)
    if optimizer.momentum is not None:
        yield from share("optimizer.momentum", optimizer.momentum)
    if optimizer.rho is not None and not 0.0 < optimizer.rho < 1.0:
        yield f"optimizer.rho must be in (0, 1), got {optimizer.rho}."
    match optimizer.name, optimizer.weight_decay:
        case OptimizerName.adamw, None:
            yield "optimizer.weight_decay must be a number when optimizer=adamw, got null. 0 switches it off."
        case OptimizerName.adam, float(decay):
            yield f"optimizer.weight_decay must be null when optimizer=adam, got {decay}. Use optimizer=adamw."
        case _, float(decay) if not 0.0 <= decay < math.inf:
            yield f"optimizer.weight_decay must be at least 0 and finite, got {decay}."
        case _, float(decay):
            yield from float32("optimizer.weight_decay", decay)


def _schedule_problems(optimizer: OptimizerConfig) -> Iterator[str]:
    takers = {
        "decay_rate": (Schedule.exponential, Schedule.step, Schedule.plateau),
        "decay_every_epochs": (Schedule.exponential, Schedule.step),
        "plateau_patience": (Schedule.plateau,),
    }
    for field, schedules in takers.items():
        value, name = getattr(optimizer, field), optimizer.schedule.name
        if value is None and optimizer.schedule in schedules:
            yield f"optimizer.{field} must be a number when optimizer.schedule={name}, got null."
        if value is not None and optimizer.schedule not in schedules:
            yield (
                f"optimizer.{field} must be null when optimizer.schedule={name}, got {value}. "
                f"Use optimizer.schedule={schedules[-1].name}."
            )
    if optimizer.decay_rate is not None and not 0.0 < optimizer.decay_rate < 1.0:
        yield f"optimizer.decay_rate must be in (0, 1), got {optimizer.decay_rate}."
    if optimizer.decay_every_epochs is not None:
        yield from positive("optimizer.decay_every_epochs", optimizer.decay_every_epochs)
    if optimizer.plateau_patience is not None:
        yield from at_least("optimizer.plateau_patience", optimizer.plateau_patience, 1)
    least, peak = optimizer.min_learning_rate, optimizer.learning_rate
    if not 0.0 <= least < math.inf or least > peak > 0.0:
        yield f"optimizer.min_learning_rate must be in [0, {peak}] (optimizer.learning_rate), got {least}."


def _belongs(field: str, optimizer: OptimizerConfig, owner: OptimizerName) -> Iterator[str]:
    """Yield a problem if a setting is null with its optimizer or set with another."""
    value, name = getattr(optimizer, field), optimizer.name
    if value is None and name is owner:
        yield f"optimizer.{field} must be a number when optimizer={owner.name}, got null."
    if value is not None and name is not owner:
        yield f"optimizer.{field} must be null when optimizer={name.name}, got {value}. Use optimizer={owner.name}."
