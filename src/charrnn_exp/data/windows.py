"""From positions in the text to windows of ids.

Plain indexing, one step at a time, of the ids where they lie: a text of a gigabyte is not copied. It costs 25
microseconds for 64 x 64 characters, on the way to a step of 25 milliseconds; tf.data, with its gather and prefetch on
another core, costs 170 and holds three more copies of the text (docs/log/data.md).

Axes: s update, a batch of an update, b stream, t time, n character.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charrnn_exp.data.vocabulary import Ids


def stream_windows(
    ids_n: Ids, starts_sab: npt.NDArray[np.int64], *, sequence_length: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Yield the windows_abt of each step, int32 [k, b, sequence_length + 1], in order.

    Inputs are all but the last column, targets all but the first.
    """
    offsets_t = np.arange(sequence_length + 1)
    for starts_ab in starts_sab:
        yield ids_n[starts_ab[..., None] + offsets_t].astype(np.int32)
