"""Arithmetic of the machine: GPU or CPU, deterministic kernels, and all that may change the last digits of a result."""

import os

import tensorflow as tf

from charrnn_exp.machine.compiled import XLA_VARIABLE, drop_ours
from charrnn_exp.machine.precision import CPU_INFO, FAST_BFLOAT16_FLAGS, read_cpu_flags
from charrnn_exp.machine.tensorflow import find_threads

ARITHMETIC_FLAGS = {"avx2", "fma", "avx512f", "avx512_vnni", *FAST_BFLOAT16_FLAGS}
"""Instruction sets by which the libraries choose their kernels."""
ARITHMETIC_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "TF_XLA_FLAGS")


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU; it then trains on it."""
    return bool(tf.config.list_physical_devices("GPU"))


def pin_determinism() -> None:
    """Make every kernel deterministic: the same bits on the same machine with the same number of threads."""
    tf.config.experimental.enable_op_determinism()


def list_devices() -> list[str]:
    """Return the names of the devices that a network may lie on: all GPUs, else all (logical) processors."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


def describe_arithmetic() -> dict[str, str]:
    """Return the facts, besides versions, that may change the last digits of a run; every checkpoint stores them."""
    return {
        "device": "gpu" if has_gpu() else "cpu",
        "processor": " ".join(sorted(ARITHMETIC_FLAGS & read_cpu_flags(CPU_INFO))),
        "threads": str(find_threads()),
        **{name: os.environ.get(name, "") for name in ARITHMETIC_VARIABLES},
        XLA_VARIABLE: drop_ours(os.environ.get(XLA_VARIABLE, "")),
    }
