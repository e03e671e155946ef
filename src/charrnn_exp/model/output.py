"""The tied output: the embedding is also the output matrix.

Axes: b stream, t time, v vocabulary, e input features (the embedding's), h hidden units.
"""

from typing import Any

import keras
import tensorflow as tf


class TiedOutput(keras.layers.Layer):
    """Logits by the embedding's own weights: (features [@ projection]) @ embedding^T + bias.

    Source: Press and Wolf 2017, Using the Output Embedding to Improve Language Models; Inan et al. 2017.

    Args:
        num_symbols: v.
        embedding_dim: e.
        hidden_size: h; a projection maps it to e where the two differ.
        initializer: of the projection.
        dtype: Keras' policy.
    """

    def __init__(self, num_symbols: int, embedding_dim: int, hidden_size: int, *, initializer: Any, dtype: str) -> None:
        super().__init__(dtype=dtype, autocast=False, name="output")
        self.projection = None
        if hidden_size != embedding_dim:
            self.projection = self.add_weight(
                name="projection", shape=(hidden_size, embedding_dim), initializer=initializer
            )
        self.bias = self.add_weight(name="bias", shape=(num_symbols,), initializer="zeros")
        self.built = True

    def call(self, features_bth: Any, embedding_ve: Any) -> Any:
        """Return logits_btv in the policy's number format."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        matrices = [embedding_ev]
        if self.projection is not None:
            (h, e), v = self.projection.shape, embedding_ev.shape[1]
            # The cheaper order: one product with the folded matrix, or two.
            fold = v * (h - e) < h * e
            matrices = [self.projection @ embedding_ev] if fold else [self.projection, embedding_ev]
        features = tf.cast(features_bth, self.compute_dtype)
        for matrix in matrices:
            features = features @ tf.cast(matrix, self.compute_dtype)
        return features + tf.cast(self.bias, self.compute_dtype)

    def find_matrix(self, embedding_ve: Any) -> Any:
        """Return the matrix_hv that is the product of projection and embedding."""
        embedding_ev = tf.transpose(tf.convert_to_tensor(embedding_ve))
        return embedding_ev if self.projection is None else self.projection @ embedding_ev
