"""What the machine's arithmetic is: on a GPU or not, number format of the products, repeatable kernels."""

import os
from pathlib import Path

import tensorflow as tf

from charrnn_exp.config.options import Precision

CPU_INFO = Path("/proc/cpuinfo")
FAST_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}
ARITHMETIC_FLAGS = {"avx2", "fma", "avx512f", "avx512_vnni", *FAST_BFLOAT16_FLAGS}
"""Instruction sets by which the libraries choose their kernels."""
ARITHMETIC_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "TF_XLA_FLAGS")


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU, which then does the training."""
    return bool(tf.config.list_physical_devices("GPU"))


def choose_precision(precision: Precision, *, gpu: bool, cpu_info: Path = CPU_INFO) -> str:
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
    """Make every kernel repeat itself bit for bit, run to run, on the same machine with as many threads."""
    tf.config.experimental.enable_op_determinism()


def describe_arithmetic() -> dict[str, str]:
    """Return what, beside versions, may change the last digits of a run: stored with every checkpoint."""
    return {
        "device": "gpu" if has_gpu() else "cpu",
        "processor": " ".join(sorted(ARITHMETIC_FLAGS & _cpu_flags(CPU_INFO))),
        "threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
        **{name: os.environ.get(name, "") for name in ARITHMETIC_VARIABLES},
    }


def _cpu_flags(cpu_info: Path) -> set[str]:
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux: no table of flags, so the safe format
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split(":", 1)[1].split()}
