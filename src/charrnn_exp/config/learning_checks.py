"""What is wrong with the settings of the model, the optimizer and the loop, in words."""

import math
from collections.abc import Iterator

from charrnn_exp.config.options import OptimizerName, Schedule
from charrnn_exp.config.ranges import at_least, between, float32, positive, share
from charrnn_exp.config.schema import ModelConfig, OptimizerConfig, TrainingConfig


def find_model_problems(model: ModelConfig) -> Iterator[str]:
    """Yield what is wrong with the settings of the model, one line each."""
    for field, most in (("embedding_dim", 16_384), ("hidden_size", 16_384), ("num_layers", 16)):
        value = getattr(model, field)
        if value is not None:
            yield from between(f"model.{field}", value, 1, most)
    for field in ("dropout", "input_dropout", "output_dropout", "embedding_dropout"):
        value = getattr(model, field)
        if value is not None:
            yield from share(f"model.{field}", value)
    match model.hidden_size, model.parameter_budget:
        case None, None:
            yield "model.hidden_size must be a number when model.parameter_budget is null, got null."
        case int(size), int(budget):
            yield (
                f"model.hidden_size must be null when model.parameter_budget={budget}, got {size}. "
                "Keep one of them: model.hidden_size=null."
            )
    if model.parameter_budget is not None:
        yield from at_least("model.parameter_budget", model.parameter_budget, 1)
    if model.embedding_dim is None:
        for field, off in (("tie_embeddings", False), ("embedding_dropout", 0.0), ("input_dropout", 0.0)):
            if (value := getattr(model, field)) != off:
                yield (
                    f"model.{field} must be {str(off).lower()} when model.embedding_dim is null (one-hot), "
                    f"got {str(value).lower()}. Set model.embedding_dim."
                )


def find_optimizer_problems(optimizer: OptimizerConfig) -> Iterator[str]:
    """Yield what is wrong with the settings of the optimizer and its schedule, one line each."""
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
    """Yield what is wrong if a setting is null with its optimizer or is set with another."""
    value, name = getattr(optimizer, field), optimizer.name
    if value is None and name is owner:
        yield f"optimizer.{field} must be a number when optimizer={owner.name}, got null."
    if value is not None and name is not owner:
        yield f"optimizer.{field} must be null when optimizer={name.name}, got {value}. Use optimizer={owner.name}."


def find_training_problems(training: TrainingConfig) -> Iterator[str]:
    """Yield what is wrong with the settings of the loop, one line each."""
    for field in (
        "epochs",
        "max_steps",
        "batch_size",
        "sequence_length",
        "early_stopping_patience",
        "validate_every_steps",
        "checkpoint_every_epochs",
        "checkpoint_every_steps",
        "keep_checkpoints",
        "gradient_accumulation_steps",
        "profile_steps",
    ):
        value = getattr(training, field)
        if value is not None:
            yield from at_least(f"training.{field}", value, 1)
    if training.ema_decay is not None and not 0.0 < training.ema_decay < 1.0:
        yield f"training.ema_decay must be in (0, 1) or null, got {training.ema_decay}."
    yield from share("training.drop_state_probability", training.drop_state_probability)
    if training.max_val_characters is not None:
        yield from at_least("training.max_val_characters", training.max_val_characters, 2)
    if training.drop_state_probability and not training.stateful:
        yield (
            f"training.drop_state_probability must be 0 when training.stateful=false (no state is carried), "
            f"got {training.drop_state_probability}."
        )
    if training.init_from == "":
        yield "training.init_from must be a run folder or latest, got ''. null switches it off."
