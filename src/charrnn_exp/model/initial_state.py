"""The learned state at the start of a text.

Axes: b stream, h hidden units.
"""

from typing import Any

import keras
import tensorflow as tf

from charrnn_exp.model.cells.cell import State


class InitialState(keras.layers.Layer):
    """A layer's first state: weights that start at zero.

    Args:
        state_names: of its arrays; "hidden" is the tanh of its weights, to stay in (-1, 1).
        units: h.
        dtype: of weights and states.
        name: of the layer.
    """

    def __init__(self, state_names: tuple[str, ...], units: int, *, dtype: str, name: str) -> None:
        super().__init__(dtype=dtype, autocast=False, name=name)
        self.state_names = state_names
        self.starts = [self.add_weight(name=each, shape=(units,), initializer="zeros") for each in state_names]
        self.built = True

    def repeat(self, batch_size: int) -> State:
        """Return the arrays for a batch of streams, [b, h] each; differentiable."""
        return tuple(tf.tile(state_h[None, :], [batch_size, 1]) for state_h in self.values())

    def values(self) -> list[Any]:
        """Return the arrays of one stream, [h] each."""
        starts = zip(self.state_names, self.starts, strict=True)
        return [tf.tanh(start) if name == "hidden" else tf.convert_to_tensor(start) for name, start in starts]
