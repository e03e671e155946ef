"""The tf.data pipeline: positions in, windows of ids out, fetched while the model works.

Axes: s step, k batch of the step, b stream, t time, n text.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from charrnn_exp.data.vocabulary import Ids


def stream_windows(ids_n: Ids, starts_skb: npt.NDArray[np.int64], *, sequence_length: int) -> Any:
    """Return a tf.data.Dataset of windows_kbt, int32 [k, b, sequence_length + 1], one element per step, in order.

    Inputs are all but the last column, targets all but the first.
    """
    offsets_t = tf.range(sequence_length + 1, dtype=tf.int64)
    text_n = tf.constant(ids_n)

    @tf.autograph.experimental.do_not_convert  # autograph leaves files in the temporary folder
    def cut(starts_kb: Any) -> Any:
        return tf.cast(tf.gather(text_n, starts_kb[..., None] + offsets_t), tf.int32)

    return tf.data.Dataset.from_tensor_slices(starts_skb).map(cut).prefetch(2)
