"""How XLA compiles: with a cache of compiled functions in a folder, so that other processes take them; reductions."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "TF_XLA_FLAGS"
"""Read by TensorFlow once, while it is imported and looks for its devices."""
CACHE = "tf_xla_persistent_cache_directory"
XLA_VARIABLE = "XLA_FLAGS"
"""Read by XLA once, when a process compiles its first function."""
LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
KEPT = f"--{LIBRARY}=-reduce"
"""XLA makes its reductions itself. A function that hands them to the library YNNPACK builds a plan for each thread that
runs it, and two threads that build at once write one list of constants: the process may end by a fault of memory.
Newer XLA locks the list."""


@contextmanager
def compiled_functions_in(folder: str) -> Iterator[bool]:
    """Let forks of this process, which imports TensorFlow in the block, take from a folder what others have compiled.

    XLA keeps there what it compiles, under a hash of its program, and compares the whole program before it takes
    something. It is the very machine code that the other process runs, so it computes the same bits. The folder must be
    of this user alone: what lies in it is run. A cache that the user has asked for stays, and the block gets False.

    Args:
        folder: that exists.
    """
    before = os.environ.get(VARIABLE)
    is_used = not (before and (CACHE in before or not before.startswith("-")))  # else a cache, or a file of flags
    if is_used:
        ours = f'--{CACHE}="{folder}" --tf_xla_persistent_cache_device_types=CPU'
        os.environ[VARIABLE] = f"{before} {ours}" if before else ours
    try:
        yield is_used
    finally:  # checkpoints tell of the variable as the user has it
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before


def keep_reductions() -> None:
    """Let XLA make reductions itself in this process; only before TensorFlow is imported is it surely not too late."""
    before = os.environ.get(XLA_VARIABLE, "").strip()
    names_file = before and not before.startswith("-")
    if "tensorflow" not in sys.modules and LIBRARY not in before and not names_file:
        os.environ[XLA_VARIABLE] = f"{before} {KEPT}".strip()


def keeps_reductions() -> bool:
    """Return whether XLA makes reductions itself, so that threads may run one compiled function at once."""
    return KEPT in os.environ.get(XLA_VARIABLE, "").split()


def drop_ours(flags: str) -> str:
    """Return flags of XLA as the user has them."""
    return flags.removesuffix(KEPT).rstrip()
