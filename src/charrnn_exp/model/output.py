"""The output layer: one logit per symbol, by a matrix of its own or by the embedding.

With bfloat16, operands are rounded and sums are float32. Logits rounded to bfloat16 cost 1.5e-4 nats per character
on a well-trained model (docs/log/evaluation.md).

Axes: b stream, t time, n character (b * t), v vocabulary, e input features (the embedding's), h hidden units, k matrix
columns.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.gradients import custom_gradient
from charrnn_exp.model.products import compile_by_xla, multiply


class Output(keras.layers.Layer):
    """Logits by a matrix of its own: features @ kernel + bias.

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

    def call(self, features_bth: Any) -> Any:
        """Return logits_btv."""
        return _multiply_features(features_bth, tf.convert_to_tensor(self.kernel), self.precision) + self.bias.value


class TiedOutput(keras.layers.Layer):
    """Logits by the embedding's own weights: (features [@ projection]) @ embedding^T + bias.

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

    def call(self, features_bth: Any, embedding_ve: Any) -> Any:
        """Return logits_btv."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        matrices = [embedding_ev]
        if self.projection is not None:
            (h, e), v = self.projection.shape, embedding_ev.shape[1]
            # The cheaper order: one product with the folded matrix, or two.
            fold = v * (h - e) < h * e
            matrices = [self.projection @ embedding_ev] if fold else [self.projection.value, embedding_ev]
        features = features_bth
        for matrix in matrices:
            features = _multiply_features(features, matrix, self.precision)
        return features + self.bias.value

    def find_matrix(self, embedding_ve: Any) -> Any:
        """Return the matrix_hv that is the product of projection and embedding."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        return embedding_ev if self.projection is None else self.projection @ embedding_ev


def _multiply_features(features_bth: Any, matrix_hk: Any, precision: str) -> Any:
    """Return features @ matrix in the dtype of the matrix: one product over all characters, not one a stream."""
    b, t = features_bth.shape[:2]
    features_nh = tf.reshape(features_bth, [b * t, matrix_hk.shape[0]])
    if precision == "bfloat16":
        products_nk = _multiply_rounded(features_nh, matrix_hk)
    else:
        products_nk = tf.cast(features_nh, matrix_hk.dtype) @ matrix_hk
    return tf.reshape(products_nk, [b, t, matrix_hk.shape[1]])


@custom_gradient
def _multiply_rounded(features_nh: Any, matrix_hk: Any) -> tuple[Any, Any]:
    """Return the product of both, rounded to bfloat16, summed in the dtype of the matrix; so are the gradients."""
    dtype, source_dtype = matrix_hk.dtype, features_nh.dtype
    features_nh, matrix_hk = tf.cast(features_nh, tf.bfloat16), tf.cast(matrix_hk, tf.bfloat16)

    def backward(d_nk: Any) -> tuple[Any, Any]:
        d_nk = tf.cast(d_nk, tf.bfloat16)
        # Transposed outside of the compiled product, as in model/recurrence.py.
        d_matrix_hk = _multiply(tf.transpose(features_nh), d_nk, dtype)
        return tf.cast(_multiply(d_nk, tf.transpose(matrix_hk), dtype), source_dtype), d_matrix_hk

    return _multiply(features_nh, matrix_hk, dtype), backward


@compile_by_xla
def _multiply(a: Any, b: Any, dtype: Any) -> Any:
    return multiply(a, b, dtype)
