"""What the machine's arithmetic is: on a GPU or not, number format of the products, repeatable kernels."""

from pathlib import Path

import tensorflow as tf

from charrnn_exp.config.schema import Precision

FAST_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU, which then does the training."""
    return bool(tf.config.list_physical_devices("GPU"))


def choose_precision(precision: Precision, *, gpu: bool, cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Return "float32" or "bfloat16"; auto means bfloat16 where the processor multiplies it in hardware.

    On a GPU auto means float32: cuDNN's recurrent kernels have no bfloat16.
    """
    match precision:
        case Precision.auto if gpu:
            return "float32"
        case Precision.auto:
            return "bfloat16" if FAST_BFLOAT16_FLAGS & _cpu_flags(cpu_info) else "float32"
        case _:
            return precision.name


def pin_determinism() -> None:
    """Make every kernel repeat itself bit for bit, run to run, on the same machine."""
    tf.config.experimental.enable_op_determinism()


def _cpu_flags(cpu_info: Path) -> set[str]:
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux: no table of flags, so the safe format
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split(":", 1)[1].split()}
