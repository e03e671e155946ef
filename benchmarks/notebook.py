"""The notebook this project began as, ported to Keras 3 with the least changes: what `experiment=notebook` repeats.

A stateful LSTM that is fed shuffled windows, one compiled function per update, an eager loop that samples.
"""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

EMBEDDING_DIM = 256
HIDDEN_SIZE = 1024
BATCH_SIZE = 64
SEQUENCE_LENGTH = 100


class NotebookModel(keras.Model):
    """Embedding, one LSTM that keeps its state between calls, a linear layer."""

    def __init__(
        self,
        num_symbols: int,
        *,
        batch_size: int = BATCH_SIZE,
        embedding_dim: int = EMBEDDING_DIM,
        hidden_size: int = HIDDEN_SIZE,
    ) -> None:
        super().__init__()
        self.embedding_layer = keras.layers.Embedding(num_symbols, embedding_dim)
        self.hidden_layer = keras.layers.LSTM(hidden_size, return_sequences=True, stateful=True)
        self.output_layer = keras.layers.Dense(num_symbols)
        self(tf.zeros((batch_size, 1), tf.int32))
        self.hidden_layer.reset_state()

    def call(self, ids_bt: tf.Tensor) -> tf.Tensor:
        """Return logits_btv; the state of the last call goes on."""
        return self.output_layer(self.hidden_layer(self.embedding_layer(ids_bt)))


class NotebookTraining:
    """The notebook's training step: mean cross-entropy, Adam at its default rate, no clipping."""

    def __init__(self, model: NotebookModel) -> None:
        self._model = model
        self._optimizer = keras.optimizers.Adam()
        self._optimizer.build(model.trainable_variables)
        self.step = tf.function(self._step)

    def _step(self, inputs_bt: tf.Tensor, targets_bt: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits_btv = self._model(inputs_bt)
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(targets_bt, logits_btv, from_logits=True)
            )
        gradients = tape.gradient(loss, [v.value for v in self._model.trainable_variables])
        # Made dense, so that the rows of a symbol that comes twice are added before Adam squares them, as Adam did in
        # TensorFlow 2.0. Keras 3 squares each row of a sparse gradient by itself.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        self._optimizer.apply(gradients, self._model.trainable_variables)
        return loss


def generate(model: NotebookModel, first_id: int, length: int, *, temperature: float = 1.0) -> Iterator[int]:
    """Yield ids one eager call at a time, as the notebook does; the model must have a batch of one."""
    model.hidden_layer.reset_state()
    ids_bt = tf.constant([[first_id]])
    for _ in range(length):
        logits_tv = tf.squeeze(model(ids_bt), 0) / temperature
        picked = int(tf.random.categorical(logits_tv, num_samples=1)[-1, 0])
        ids_bt = tf.constant([[picked]])
        yield picked


def copy_weights(source: list[np.ndarray], model: NotebookModel) -> None:
    """Give the model these weights: embedding, kernel, recurrent kernel, bias, output kernel, output bias."""
    for variable, value in zip(model.trainable_variables, source, strict=True):
        variable.assign(value)
