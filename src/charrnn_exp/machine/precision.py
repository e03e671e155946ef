"""Number format of the matrix products, chosen without TensorFlow: the memory estimate needs it before the import."""

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
    """Return the instruction sets of the processor; an empty set where the system does not list them."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux: float32 is then chosen
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split(":", 1)[1].split()}
