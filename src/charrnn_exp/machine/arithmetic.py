"""What the machine's arithmetic is: on a GPU or not, repeatable kernels, what may move the last digits."""

import os

import tensorflow as tf

from charrnn_exp.machine.precision import CPU_INFO, FAST_BFLOAT16_FLAGS, read_cpu_flags

ARITHMETIC_FLAGS = {"avx2", "fma", "avx512f", "avx512_vnni", *FAST_BFLOAT16_FLAGS}
"""Instruction sets by which the libraries choose their kernels."""
ARITHMETIC_VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "TF_XLA_FLAGS")


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU, which then does the training."""
    return bool(tf.config.list_physical_devices("GPU"))


def pin_determinism() -> None:
    """Make every kernel repeat itself bit for bit, run to run, on the same machine with as many threads."""
    tf.config.experimental.enable_op_determinism()


def describe_arithmetic() -> dict[str, str]:
    """Return what, beside versions, may change the last digits of a run: stored with every checkpoint."""
    return {
        "device": "gpu" if has_gpu() else "cpu",
        "processor": " ".join(sorted(ARITHMETIC_FLAGS & read_cpu_flags(CPU_INFO))),
        "threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
        **{name: os.environ.get(name, "") for name in ARITHMETIC_VARIABLES},
    }
