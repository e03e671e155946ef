"""The threads and parts of a run, by a fixed rule of size and machine: they order sums, so timing must not choose."""

from typing import NamedTuple

from charrnn_exp.config.schema import TrainingConfig
from charrnn_exp.machine.precision import CPU_INFO, read_cpu_flags
from charrnn_exp.machine.tensorflow import count_cores
from charrnn_exp.model.size import SizedModel

LARGEST_OF_ONE_THREAD = 512
"""Units a layer. On two cores two jobs of one thread make 1.8, 1.5 and 1.2 times the characters of one job with two, at
128, 256 and 512 units; of larger ones no such gain was measured, and each job takes its own memory."""
LARGEST_IN_PARTS = 512
"""Units a layer. On two cores two parts of a batch, of one thread each, make 1.4 to 1.5, 1.1 to 1.2 and 1.0 to 1.1
times the characters of the whole with two threads, at 128, 256 and 512 units (docs/log/speed.md)."""
NUM_PARTS = 2
"""On as many cores; others were not measured."""
NOT_IN_PARTS = "amx_bf16"
"""Instructions of a processor on which parts are slower than the whole (docs/log/speed.md)."""


class Workers(NamedTuple):
    """What works at a run at once.

    Args:
        threads: of TensorFlow's kernels; parts share them.
        parts: of a batch's streams that are computed at once.
    """

    threads: int
    parts: int

    @property
    def cores(self) -> int:
        """Cores that they keep busy."""
        return max(self.threads, self.parts)


def choose_workers(model: SizedModel, training: TrainingConfig, *, gpu: bool = False) -> Workers:
    """Return the threads and parts of a run alone: those of its settings, else all cores in the faster way."""
    if (training.threads, training.parts, training.devices) != (None, None, None):
        return choose_workers_of_process(model, training)
    return choose_by_size(model.hidden_size, training.batch_size, gpu=gpu)


def choose_by_size(hidden_size: int, batch_size: int, *, gpu: bool = False) -> Workers:
    """Return the threads and parts of a run alone whose settings have none."""
    cores, flags = count_cores(), read_cpu_flags(CPU_INFO)
    is_small = hidden_size <= LARGEST_IN_PARTS and batch_size % NUM_PARTS == 0
    is_faster = is_small and cores == NUM_PARTS and not gpu and NOT_IN_PARTS not in flags
    return Workers(1, NUM_PARTS) if is_faster else Workers(cores, 1)


def choose_parts(threads: int, batch_size: int, *, gpu: bool = False) -> int:
    """Return the parts of a run in whose process another one has set the threads: they keep the other core busy."""
    return NUM_PARTS if (threads, count_cores(), batch_size % NUM_PARTS, gpu) == (1, NUM_PARTS, 0, False) else 1


def choose_workers_in_sweep(model: SizedModel, training: TrainingConfig) -> Workers:
    """Return the threads and parts of a job of a sweep, beside which others run."""
    return _take_settings(training, 1 if model.hidden_size <= LARGEST_OF_ONE_THREAD else count_cores())


def choose_workers_of_process(model: SizedModel, training: TrainingConfig) -> Workers:
    """Return the threads and parts of one of several runs of a process, whatever its size: a process has one number."""
    return _take_settings(training, count_cores())


def _take_settings(training: TrainingConfig, cores: int) -> Workers:
    parts = training.parts or training.devices or 1
    return Workers(training.threads or max(1, cores // parts), parts)
