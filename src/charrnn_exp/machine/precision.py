"""The number format of the products; known before TensorFlow is imported, as memory is estimated by it."""

from pathlib import Path

from charrnn_exp.config.choices import Precision

CPU_INFO = Path("/proc/cpuinfo")
FAST_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}


def choose_precision(precision: Precision, *, gpu: bool, cpu_info: Path = CPU_INFO) -> str:
    """Return "float32" or "bfloat16"; auto means bfloat16 where the processor multiplies it in hardware.

    On a GPU auto means float32: cuDNN's recurrent kernels have no bfloat16.
    """
    match precision:
        case Precision.auto if gpu:
            return "float32"
        case Precision.auto:
            return "bfloat16" if FAST_BFLOAT16_FLAGS & read_cpu_flags(cpu_info) else "float32"
        case _:
            return precision.name


def read_cpu_flags(cpu_info: Path) -> set[str]:
    """Return the instruction sets of the processor; none where the system has no table of them."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux: no table of flags, so the safe format
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split(":", 1)[1].split()}
