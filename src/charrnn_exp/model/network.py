"""The character model: embedding, recurrent layers, one logit per symbol.

Axes: b batch, t time, v vocabulary, e embedding, h hidden.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.config.schema import Config, ModelConfig
from charrnn_exp.model.lstm import LSTM, KerasLSTM
from charrnn_exp.model.machine import choose_precision, has_gpu

States = list[tuple[Any, Any]]
"""For each recurrent layer its (hidden_bh, cell_bh), float32."""


class Network(keras.Model):
    """A character-level recurrent language model whose states go in and come out explicitly.

    Args:
        num_symbols: v.
        model: sizes and dropout.
        precision: "float32" or "bfloat16", the number format of the matrix products over float32 weights; "float64"
            for everything, to compare gradients with finite differences.
        seed: of the first weights and of dropout.
        layer: which LSTM, see `choose_layer`.
    """

    def __init__(
        self, *, num_symbols: int, model: ModelConfig, precision: str, seed: int, layer: type[LSTM] = LSTM
    ) -> None:
        dtype = "mixed_bfloat16" if precision == "bfloat16" else precision
        weight_dtype = "float32" if precision == "bfloat16" else precision
        super().__init__(name="network", dtype=weight_dtype, autocast=False)
        self._weight_dtype = weight_dtype
        self.precision, self.num_symbols = precision, num_symbols
        self.hidden_size = model.hidden_size
        self.embedding = keras.layers.Embedding(
            num_symbols,
            model.embedding_dim,
            # Not Keras' +-0.05: the gates would see next to nothing of their input for the first hundred steps.
            embeddings_initializer=keras.initializers.RandomNormal(0.0, 1.0, seed=seed),
            dtype=self._weight_dtype,
            name="embedding",
        )
        self.recurrent = [
            layer(
                model.hidden_size,
                seed=seed + 10 * i,
                precision="bfloat16" if precision == "bfloat16" else "float32",
                dtype=self._weight_dtype,
                name=f"lstm_{i}",
            )
            for i in range(1, model.num_layers + 1)
        ]
        self.dropouts = [
            keras.layers.Dropout(model.dropout, seed=seed + 10 * i + 5, name=f"dropout_{i}", dtype=dtype)
            for i in range(1, model.num_layers + 1)
        ]
        self.output_layer = keras.layers.Dense(
            num_symbols,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed + 1),
            dtype=dtype,
            name="output",
        )
        self._build()

    def _build(self) -> None:
        """Make every variable now, in the order of the layers."""
        self.embedding.build()
        input_size = self.embedding.output_dim
        for layer, dropout in zip(self.recurrent, self.dropouts, strict=True):
            layer.build((None, None, input_size))
            dropout.build((None, None, self.hidden_size))
            input_size = self.hidden_size
        self.output_layer.build((None, None, self.hidden_size))
        self.built = True

    def empty_states(self, batch_size: int) -> States:
        """Return states that remember nothing, for so many streams."""
        zeros_bh = tf.zeros((batch_size, self.hidden_size), self._weight_dtype)
        return [(zeros_bh, zeros_bh) for _ in self.recurrent]

    def call(self, ids_bt: Any, states: States, training: bool = False) -> tuple[Any, States]:
        """Return float32 logits_btv and the states after the last character.

        Args:
            ids_bt: int32 symbol ids.
            states: of the character before the first, see `empty_states`.
            training: whether dropout is on.
        """
        features_bth, new_states = None, []
        for layer, dropout, state in zip(self.recurrent, self.dropouts, states, strict=True):
            if features_bth is None:
                features_bth, state = layer.call_on_ids(ids_bt, self.embedding.embeddings, state, training=training)
            else:
                features_bth, state = layer(features_bth, state, training=training)
            features_bth = dropout(features_bth, training=training)
            new_states.append(state)
        return tf.cast(self.output_layer(features_bth), self._weight_dtype), new_states


def build_network(config: Config, *, num_symbols: int) -> Network:
    """Return the network of a run, in the number format and with the layers that are fastest on this machine."""
    gpu = has_gpu()
    return Network(
        num_symbols=num_symbols,
        model=config.model,
        precision=choose_precision(config.training.precision, gpu=gpu),
        seed=config.seed,
        layer=choose_layer(gpu=gpu),
    )


def choose_layer(*, gpu: bool) -> type[LSTM]:
    """Return the layer that is faster: ours on a CPU, Keras' (cuDNN) on a GPU."""
    return KerasLSTM if gpu else LSTM


def list_parameters(network: Network) -> list[tuple[str, tuple[int, ...], int]]:
    """Return name, shape and number of weights of every trainable variable, in order."""
    return [
        (v.path.removeprefix("network/"), tuple(v.shape), v.value.shape.num_elements())
        for v in network.trainable_variables
    ]


def count_parameters(network: Network) -> int:
    """Return the number of trainable weights."""
    return sum(count for _, _, count in list_parameters(network))
