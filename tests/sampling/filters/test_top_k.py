"""top-k keeps the k likeliest and their ties."""

import numpy as np
import tensorflow as tf

from charrnn_exp.sampling.filters.top_k import keep_top_k


def naive_top_k(row_v: list[float], k: int) -> list[bool]:
    return [sum(other > value for other in row_v) < k for value in row_v]


def test_the_k_likeliest_are_kept_and_their_ties_with_them() -> None:
    rows_bv = np.random.default_rng(4).integers(-4, 5, size=(7, 11)).astype(np.float64)
    for k in (1, 2, 5, 11, 99):
        kept_bv = keep_top_k(tf.constant(rows_bv), k).numpy()
        np.testing.assert_array_equal(np.isfinite(kept_bv), [naive_top_k(row_v, k) for row_v in rows_bv.tolist()])
        np.testing.assert_array_equal(kept_bv[np.isfinite(kept_bv)], rows_bv[np.isfinite(kept_bv)])
