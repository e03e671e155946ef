"""What training will take of the memory, before it takes it; and what is said when there was too little."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from charrnn_exp.config.options import Cell
from charrnn_exp.config.schema import Config
from charrnn_exp.errors import MachineError
from charrnn_exp.model.size import count_weights, resolve

FLOAT_BYTES = 4
WEIGHT_COPIES = 13
"""Weights, gradients, two slots of the optimizer, averages, and twice that while a checkpoint is written."""
GATE_COPIES = {Cell.lstm: 14, Cell.gru: 13, Cell.rnn: 6}
"""Numbers kept for the gradient for each character, layer and unit: gates, cells, outputs, dropout."""
NORM_COPIES = 4
"""The same of a normalised layer's outputs besides."""
INPUT_COPIES = 4
"""Numbers for each character and feature where inputs are dropped, so that each has a vector of its own."""
LOGIT_COPIES = 4
CGROUP = Path("/sys/fs/cgroup")
WAY_OUT = "Lower training.batch_size, training.sequence_length, model.hidden_size or model.num_layers."


def check_memory(config: Config, *, num_symbols: int) -> None:
    """Compare what the training will take with what is free.

    Raises:
        MachineError: if it will not fit.
        UserError: if model.parameter_budget is too small for any network.
    """
    needed, free = estimate_bytes(config, num_symbols=num_symbols), find_free_bytes()
    if needed > free:
        raise MachineError(
            f"the memory must have about {needed / 2**30:,.1f} GiB for this model and these batches, got "
            f"{free / 2**30:,.1f} GiB free. {WAY_OUT}"
        )


def estimate_bytes(config: Config, *, num_symbols: int) -> int:
    """Return about what training takes at its peak besides the text and the program itself."""
    model, training = resolve(config.model, num_symbols=num_symbols), config.training
    assert model.hidden_size is not None
    num_weights = count_weights(model, num_symbols=num_symbols)
    copies = GATE_COPIES[model.cell] + (NORM_COPIES if model.layer_norm else 0) + (1 if model.residual else 0)
    per_character = copies * model.hidden_size * model.num_layers + LOGIT_COPIES * num_symbols
    if model.input_dropout:
        per_character += INPUT_COPIES * (model.embedding_dim or 0)
    num_characters = training.batch_size * training.sequence_length
    return FLOAT_BYTES * (WEIGHT_COPIES * num_weights + num_characters * per_character)


def find_free_bytes() -> int:
    """Return what this process may still take: of the machine, and of its control group where that has a limit."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no such group, or "max"
        return free
    return min(free, limit - used)


@contextmanager
def telling_of_memory() -> Iterator[None]:
    """Turn the errors by which Python and TensorFlow say that memory ran out into one line.

    Raises:
        MachineError: in their place.
    """
    try:
        yield
    except Exception as error:
        import tensorflow as tf

        if not isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
            raise
        raise MachineError(
            f"the memory must suffice for this model and these batches, got too little. {WAY_OUT}"
        ) from error
