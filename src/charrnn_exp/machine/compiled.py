"""Functions that one process has compiled, for others: XLA's cache of compiled functions, in a folder of one's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "TF_XLA_FLAGS"
"""Read by TensorFlow once, while it is imported and looks for its devices."""
CACHE = "tf_xla_persistent_cache_directory"


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
