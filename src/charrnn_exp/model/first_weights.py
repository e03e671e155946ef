"""Embedding and output layer with their first weights, by which the loss of an untrained network is about ln v.

Axes: v vocabulary.
"""

import math

import keras

from charrnn_exp.config.schema import ModelConfig
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.output import Output, TiedOutput
from charrnn_exp.model.size import SizedModel

SMALL_SHARE = 0.1
"""Scale of the first output (or projection) weights, relative to Glorot's, for features that are larger than the
outputs of a plain LSTM on an embedding."""
TIED_SHARE = 0.5
"""Standard deviation of a tied embedding, relative to 1 / sqrt(e); half of it where features are larger and there is no
projection to start small. Much smaller ones learn badly: inputs are scaled up in inverse proportion."""


def make_embedding(model: ModelConfig, num_symbols: int, seed: int, dtype: str) -> keras.layers.Embedding | None:
    """Return the embedding; None: inputs are one-hot."""
    if model.embedding_dim is None:
        return None
    # With Keras' +-0.05 the gates would see almost nothing of their input for the first hundred steps.
    normal = keras.initializers.RandomNormal(0.0, find_embedding_deviation(model), seed=seed)
    return keras.layers.Embedding(
        num_symbols, model.embedding_dim, embeddings_initializer=normal, dtype=dtype, name="embedding"
    )


def find_embedding_deviation(model: ModelConfig) -> float:
    """Return the standard deviation of the first embedding; tied ones start small and are scaled up as inputs.

    Source: Vaswani et al. 2017, section 3.4.
    """
    if not model.tie_embeddings or model.embedding_dim is None:
        return 1.0
    share = TIED_SHARE
    if model.hidden_size == model.embedding_dim and _has_large_features(model):
        share /= 2 * _grow_by_residual(model)
    return share / math.sqrt(model.embedding_dim)


def make_output(model: SizedModel, num_symbols: int, seed: int, precision: str, dtype: str) -> Output | TiedOutput:
    """Return the output layer, whose first weights make the loss of an untrained network about ln v."""
    share = SMALL_SHARE / _grow_by_residual(model) if _has_large_features(model) else 1.0
    # A share of 1 is Glorot's.
    start = keras.initializers.VarianceScaling(share * share, "fan_avg", "uniform", seed=seed)
    if model.tie_embeddings:
        assert model.embedding_dim is not None
        return TiedOutput(
            num_symbols,
            model.embedding_dim,
            model.hidden_size,
            initializer=start,
            precision=precision,
            dtype=dtype,
        )
    return Output(num_symbols, model.hidden_size, initializer=start, precision=precision, dtype=dtype)


def _has_large_features(model: ModelConfig) -> bool:
    """Return whether the output's features may be larger than the outputs of a plain LSTM on an embedding."""
    has_large = CELLS.find(model.cell).has_large_features
    return has_large or model.embedding_dim is None or model.layer_norm or model.residual


def _grow_by_residual(model: ModelConfig) -> float:
    """Return the growth of the features by residual sums, relative to one layer's outputs."""
    return math.sqrt(model.num_layers if model.residual else 1)
