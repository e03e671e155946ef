"""Checks of the settings of the loop."""

from collections.abc import Iterator

from charrnn_exp.config.checks.ranges import at_least, share
from charrnn_exp.config.schema import TrainingConfig

MAX_THREADS = 1024


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
    if training.threads is not None and not 1 <= training.threads <= MAX_THREADS:
        yield f"training.threads must be in [1, {MAX_THREADS}] or null, got {training.threads}."
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
