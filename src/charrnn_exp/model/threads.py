"""The threads of a job's kernels, by a fixed rule of size and cores: they order sums, so timing must not choose."""

from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.size import SizedModel

LARGEST_OF_ONE_THREAD = 512
"""Units a layer. On two cores two jobs of one thread make 1.8, 1.5 and 1.2 times the characters of one job with two, at
128, 256 and 512 units; of larger ones no such gain was measured, and each job takes its own memory."""


def choose_threads(model: SizedModel) -> int:
    """Return the threads of a job of a sweep."""
    return 1 if model.hidden_size <= LARGEST_OF_ONE_THREAD else count_cores()
