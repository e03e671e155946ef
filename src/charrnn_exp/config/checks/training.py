"""Checks of the settings of the loop."""

from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least, share
from charrnn_exp.config.schema import TrainingConfig

MAX_THREADS = 1024
MAX_DEVICES = 64


def find_training_problems(training: TrainingConfig) -> Iterator[str]:
    """Yield the problems of the settings of the loop, one line each."""
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
    yield from _worker_problems(training)
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


def _worker_problems(training: TrainingConfig) -> Iterator[str]:
    """Yield the problems of threads, parts and devices; how they fit together is looked at where each is right."""
    limits = (("threads", MAX_THREADS), ("parts", MAX_THREADS), ("devices", MAX_DEVICES))
    values = [(field, most, getattr(training, field)) for field, most in limits]
    wrong = [each for each in values if each[2] is not None and not 1 <= each[2] <= each[1]]
    yield from (f"training.{field} must be in [1, {most}] or null, got {value}." for field, most, value in wrong)
    parts = training.parts or training.devices
    if wrong or parts is None or training.batch_size < 1:
        return
    if training.batch_size % parts:
        key = "training.devices" if training.parts is None else "training.parts"
        yield f"training.batch_size must be a multiple of {key}={parts}, got {training.batch_size}."
    if training.devices is not None and training.devices > parts:
        yield f"training.devices must be at most training.parts={parts}, got {training.devices}."
