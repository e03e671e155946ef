"""Memory for the ids of a text: an array, or for a large text a memory-mapped file."""

import os
import tempfile

import numpy as np

from charrnn_exp.data.vocabulary import Ids
from charrnn_exp.errors import MachineError, one_line

MAPPED_BYTES = 1 << 28
"""From this size on, ids are stored in an unnamed file in the temporary folder (TMPDIR), which ends with the process:
the system caches its pages in memory and can drop them."""


def allocate_ids(num_ids: int, kind: type[np.unsignedinteger]) -> Ids:
    """Return an uninitialised array of num_ids ids.

    Raises:
        MachineError: if the temporary folder has too little space.
    """
    num_bytes = num_ids * np.dtype(kind).itemsize
    if num_bytes < MAPPED_BYTES:
        return np.empty(num_ids, kind)
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(file.fileno(), 0, num_bytes)  # a full disk is told here; in the map it is a signal
            file.truncate(num_bytes)
            return np.asarray(np.memmap(file, kind, mode="r+", shape=num_ids))
    except OSError as error:
        raise MachineError(
            f"no space for {num_bytes:,} bytes of ids in the temporary folder {tempfile.gettempdir()} "
            f"({one_line(error)}): set TMPDIR to a folder on a larger disk, or lower dataset.max_bytes."
        ) from error
