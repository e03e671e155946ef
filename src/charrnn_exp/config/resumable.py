"""The settings that a run may go on with changed. All others would make it another run."""

RESUMABLE = (
    "dataset.path",
    "model.dropout",
    "model.input_dropout",
    "model.output_dropout",
    "model.embedding_dropout",
    "model.weight_dropout",
    "model.variational_dropout",
    "optimizer.learning_rate",
    "optimizer.schedule",
    "optimizer.decay_rate",
    "optimizer.decay_every_epochs",
    "optimizer.plateau_patience",
    "optimizer.min_learning_rate",
    "optimizer.warmup_steps",
    "optimizer.clip_norm",
    "optimizer.clip_value",
    "optimizer.weight_decay",
    "optimizer.weight_decay_exclude",
    "training.epochs",
    "training.max_steps",
    "training.batch_size",
    "training.sequence_length",
    "training.early_stopping_patience",
    "training.validate_every_steps",
    "training.checkpoint_every_epochs",
    "training.checkpoint_every_steps",
    "training.keep_checkpoints",
    "training.devices",
    "sampling.",
    "tracking.",
)
"""Dotted keys; one that ends in a dot means all below it."""
RESUMABLE_MODEL = frozenset(key.removeprefix("model.") for key in RESUMABLE if key.startswith("model."))
"""Those of the model; they change no weight."""
EPOCHWISE = ("training.batch_size", "training.sequence_length")
"""Those that hold from the next epoch on: an epoch is cut into batches as a whole."""
OF_NUMBERS = ("optimizer.", "model.", *EPOCHWISE)
"""Starts of those that change each update made with them."""
LENGTHS = ("training.epochs", "training.max_steps")
"""Those that set the number of updates."""
