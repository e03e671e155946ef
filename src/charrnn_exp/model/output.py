"""The output layer: one logit per symbol, by a matrix of its own or by the embedding.

With bfloat16, operands are rounded and sums are float32. Logits rounded to bfloat16 cost 1.5e-4 nats per character
on a well-trained model (docs/log/evaluation.md).

Axes: b stream, n character (t * b), v vocabulary, e input features (the embedding's), h hidden units, k matrix columns.
Features are first, as in model/recurrence.py.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.gradients import custom_gradient
from charrnn_exp.model.products import compile_by_xla, multiply


class Output(keras.layers.Layer):
    """Logits by a matrix of its own: kernel^T @ features + bias.

    Args:
        num_symbols: v.
        hidden_size: h.
        initializer: of the kernel.
        precision: "float32" multiplies in the dtype of the weights; "bfloat16" multiplies bfloat16 and sums float32.
        dtype: of the weights and the logits.
    """

    def __init__(self, num_symbols: int, hidden_size: int, *, initializer: Any, precision: str, dtype: str) -> None:
        super().__init__(dtype=dtype, autocast=False, name="output")
        self.kernel = self.add_weight(name="kernel", shape=(hidden_size, num_symbols), initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(num_symbols,), initializer="zeros")
        self.precision, self.built = precision, True

    def call(self, features_hn: Any) -> Any:
        """Return logits_vn."""
        logits_vn = _multiply_features(tf.convert_to_tensor(self.kernel), features_hn, self.precision)
        return logits_vn + self.bias.value[:, None]


class TiedOutput(keras.layers.Layer):
    """Logits by the embedding's own weights: embedding @ ([projection^T @] features) + bias.

    Source: Press and Wolf 2017, Using the Output Embedding to Improve Language Models; Inan et al. 2017.

    Args:
        num_symbols: v.
        embedding_dim: e.
        hidden_size: h; a projection maps it to e where the two differ.
        initializer: of the projection.
        precision: as for `Output`.
        dtype: of the weights and the logits.
    """

    def __init__(
        self, num_symbols: int, embedding_dim: int, hidden_size: int, *, initializer: Any, precision: str, dtype: str
    ) -> None:
        super().__init__(dtype=dtype, autocast=False, name="output")
        self.projection = None
        if hidden_size != embedding_dim:
            self.projection = self.add_weight(
                name="projection", shape=(hidden_size, embedding_dim), initializer=initializer
            )
        self.bias = self.add_weight(name="bias", shape=(num_symbols,), initializer="zeros")
        self.precision, self.built = precision, True

    def call(self, features_hn: Any, embedding_ve: Any) -> Any:
        """Return logits_vn."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        matrices = [embedding_ev]
        if self.projection is not None:
            (h, e), v = self.projection.shape, embedding_ev.shape[1]
            # The cheaper order: one product with the folded matrix, or two.
            fold = v * (h - e) < h * e
            matrices = [self.projection @ embedding_ev] if fold else [self.projection.value, embedding_ev]
        features = features_hn
        for matrix in matrices:
            features = _multiply_features(matrix, features, self.precision)
        return features + self.bias.value[:, None]

    def find_matrix(self, embedding_ve: Any) -> Any:
        """Return the matrix_hv that is the product of projection and embedding."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        return embedding_ev if self.projection is None else self.projection @ embedding_ev


def _multiply_features(matrix_hk: Any, features_hn: Any, precision: str) -> Any:
    """Return matrix^T @ features in the dtype of the matrix."""
    if precision == "bfloat16":
        return _multiply_rounded(matrix_hk, features_hn)
    return tf.matmul(matrix_hk, tf.cast(features_hn, matrix_hk.dtype), transpose_a=True)


@custom_gradient
def _multiply_rounded(matrix_hk: Any, features_hn: Any) -> tuple[Any, Any]:
    """Return the product of both, rounded to bfloat16, summed in the dtype of the matrix; so are the gradients."""
    dtype, source_dtype = matrix_hk.dtype, features_hn.dtype
    matrix_hk, features_hn = tf.cast(matrix_hk, tf.bfloat16), tf.cast(features_hn, tf.bfloat16)

    def backward(d_kn: Any) -> tuple[Any, Any]:
        d_kn = tf.cast(d_kn, tf.bfloat16)
        return _multiply(features_hn, d_kn, dtype, transpose_b=True), tf.cast(
            _multiply(matrix_hk, d_kn, dtype), source_dtype
        )

    # Transposed outside of the compiled product, as in model/recurrence.py.
    return _multiply(tf.transpose(matrix_hk), features_hn, dtype), backward


@compile_by_xla
def _multiply(a: Any, b: Any, dtype: Any, transpose_b: bool = False) -> Any:
    return multiply(a, b, dtype, transpose_b)
