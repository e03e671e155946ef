"""Memory of training, sampling and scoring: an estimate before they start, and a plain error when it runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from charrnn_exp.config.schema import SamplingConfig, TrainingConfig
from charrnn_exp.errors import CharRNNError, MachineError
from charrnn_exp.machine.precision import choose_precision
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.size import SizedModel, count_weights
from charrnn_exp.model.threads import choose_workers

FLOAT_BYTES = 4
WEIGHT_COPIES = 13
"""Weights, gradients, two slots of the optimizer, averages, and twice that while a checkpoint is written.
One more where gradients of several batches are summed, and one for each part of a batch that is computed at once."""
DROPPED_COPIES = 2
"""Masks and products of weights that dropout leaves out, for each part."""
NORM_COPIES = 3
"""32-bit numbers that a norm keeps for each character, layer and unit, beside the kept_copies of the cell."""
SAVED_COPIES = 4
"""Times that a checkpoint may hold all weights beside those sampled: raw ones, two slots of the optimizer, and one."""
SAVED_BYTES = 1 << 20
"""Headers of the arrays of a checkpoint, seeds, progress: a thousand arrays take half of it."""
READ_COPIES = 8
"""Weights of a checkpoint that is sampled or scored: as read, in the network, and as matrices of whole numbers while
they are made."""
STREAM_COPIES = 24
"""32-bit numbers that a stream of the sampler takes for each unit and layer: states, gates, sums of whole numbers."""
PICK_COPIES = 8
"""32-bit numbers that it takes for each symbol: logits, and sorted ones of the filters."""
DRAWN_BYTES = 24
"""Bytes that a character takes in texts drawn side by side: ids in pieces, joined, and as text."""
INPUT_COPIES = 3
"""Numbers for each character and each input of the first layer beyond h: vectors, transposed ones, gradients."""
LOGIT_COPIES = 4
CGROUP = Path("/sys/fs/cgroup")
WAY_OUT = "lower training.batch_size, training.sequence_length, model.hidden_size or model.num_layers."


def check_memory(model: SizedModel, training: TrainingConfig, *, num_symbols: int) -> None:
    """Check that the free memory suffices for the training.

    Raises:
        MachineError: if it does not.
    """
    needed, free = estimate_bytes(model, training, num_symbols=num_symbols), find_free_bytes()
    if needed > free:
        raise MachineError(
            f"out of memory: this model and batch size need about {needed / 2**30:,.1f} GiB, and "
            f"{free / 2**30:,.1f} GiB are free; {WAY_OUT}"
        )


def check_sampling_memory(model: SizedModel, sampling: SamplingConfig, *, num_symbols: int) -> None:
    """Check that the free memory suffices for sampling from a trained model.

    Raises:
        MachineError: if it does not.
    """
    needed, free = estimate_sampling_bytes(model, sampling, num_symbols=num_symbols), find_free_bytes()
    if needed > free:
        raise MachineError(
            f"out of memory: {sampling.num_samples:,} texts of {sampling.length:,} characters from this model need "
            f"about {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free; lower sampling.num_samples or "
            "sampling.length, or sample on a machine with more memory."
        )


def check_scoring_memory(model: SizedModel, *, num_symbols: int) -> None:
    """Check that the free memory suffices for the weights of a trained model that scores a text.

    Raises:
        MachineError: if it does not.
    """
    needed, free = READ_COPIES * FLOAT_BYTES * count_weights(model, num_symbols=num_symbols), find_free_bytes()
    if needed > free:
        raise MachineError(
            f"out of memory: this model needs about {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free; "
            "score it on a machine with more memory."
        )


def estimate_sampling_bytes(model: SizedModel, sampling: SamplingConfig, *, num_symbols: int) -> int:
    """Return the estimated peak memory of sampling in bytes, without the program."""
    of_weights = READ_COPIES * count_weights(model, num_symbols=num_symbols)
    per_stream = STREAM_COPIES * model.num_layers * model.hidden_size + PICK_COPIES * num_symbols
    # One text is written as it is drawn; several are kept to their end.
    num_streams = max(sampling.num_samples, sampling.beams or 0)
    num_characters = num_streams * sampling.length if num_streams > 1 else 0
    return FLOAT_BYTES * (of_weights + num_streams * per_stream) + DRAWN_BYTES * num_characters


def estimate_bytes(model: SizedModel, training: TrainingConfig, *, num_symbols: int) -> int:
    """Return the estimated peak memory of training in bytes, without the text and the program."""
    # A GPU is not looked at yet, and its memory is not counted here.
    is_half = choose_precision(training.precision, gpu=False) == "bfloat16"
    cell = CELLS.find(model.cell)
    copies = cell.kept_copies * model.num_layers + cell.passing_copies
    num_norms = model.num_layers if model.layer_norm else 0
    per_unit = copies * (FLOAT_BYTES // 2 if is_half else FLOAT_BYTES) + num_norms * NORM_COPIES * FLOAT_BYTES
    first_inputs = min(num_symbols, 4 * model.hidden_size) if model.embedding_dim is None else model.embedding_dim
    of_inputs = INPUT_COPIES * FLOAT_BYTES * max(0, first_inputs - model.hidden_size)
    per_character = per_unit * model.hidden_size + of_inputs + LOGIT_COPIES * FLOAT_BYTES * num_symbols
    parts = choose_workers(model, training).parts
    weight_copies = WEIGHT_COPIES + (1 if training.gradient_accumulation_steps > 1 else 0)
    weight_copies += (parts if parts > 1 else 0) + (DROPPED_COPIES * parts if model.weight_dropout else 0)
    of_weights = weight_copies * FLOAT_BYTES * count_weights(model, num_symbols=num_symbols)
    return of_weights + training.batch_size * training.sequence_length * per_character


def bound_checkpoint_bytes(model: SizedModel, *, num_symbols: int, batch_size: int) -> tuple[int, int]:
    """Return the most bytes that the two files of a checkpoint can have: sampled weights, and the rest of the state.

    Args:
        model: of the run.
        num_symbols: of its vocabulary.
        batch_size: largest number of streams whose states are carried.
    """
    of_weights = FLOAT_BYTES * count_weights(model, num_symbols=num_symbols)
    num_states = len(CELLS.find(model.cell).state_names) * model.num_layers
    of_states = FLOAT_BYTES * num_states * batch_size * model.hidden_size
    return of_weights + SAVED_BYTES, SAVED_COPIES * of_weights + of_states + SAVED_BYTES


def find_free_bytes() -> int:
    """Return the bytes this process may still allocate: free in the machine, or in its control group if fewer.

    Pages of files that the system keeps for speed count as free: it gives them up where memory is asked for.
    """
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        kinds = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        of_files = sum(int(kinds[name]) for name in ("active_file", "inactive_file"))
    except (OSError, ValueError, KeyError):  # no such group, or "max"
        return free
    return min(free, limit - used + of_files)


@contextmanager
def explain_memory_errors(what: str = "this model and batch size", way_out: str = WAY_OUT) -> Iterator[None]:
    """Replace the out-of-memory errors of Python and TensorFlow by one line.

    Args:
        what: needs more memory than there is.
        way_out: the end of the line.

    Raises:
        MachineError: in their place.
    """
    try:
        yield
    except CharRNNError:  # said in our words already, maybe before TensorFlow is imported
        raise
    except Exception as error:
        import tensorflow as tf

        if not isinstance(error, MemoryError | tf.errors.ResourceExhaustedError):
            raise
        raise MachineError(f"out of memory for {what}: {way_out}") from error
