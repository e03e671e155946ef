"""From positions in the text to windows of ids.

Each update indexes the ids in place, so that a text of a gigabyte is not copied. That takes 25 microseconds for 64 x 64
characters, of a step of 25 milliseconds. tf.data takes 170 microseconds, a further core for gather and prefetch, and
three more copies of the text (docs/log/data.md).

Axes: s update, a batch of an update, b stream, t time, n character.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Ids


def stream_windows(
    ids_n: Ids, starts_sab: npt.NDArray[np.int64], *, sequence_length: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Yield the windows_abt of each step, int32 [a, b, sequence_length + 1], in order.

    Inputs are all but the last column, targets all but the first.
    """
    offsets_t = np.arange(sequence_length + 1)
    for starts_ab in starts_sab:
        yield ids_n[starts_ab[..., None] + offsets_t].astype(np.int32)
