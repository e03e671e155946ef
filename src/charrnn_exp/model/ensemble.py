"""Several networks that speak as one: the mean of their probabilities.

Axes: b stream, t time, v vocabulary.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from charrnn_exp.model.network import Network, States


def average_probabilities(logits: Sequence[Any]) -> Any:
    """Return the logarithm of the mean of the probabilities that belong to each member's logits.

    Args:
        logits: of the members, at least one, each of one shape with the vocabulary last.
    """
    members = tf.stack([tf.nn.log_softmax(each) for each in logits])
    return tf.reduce_logsumexp(members, axis=0) - math.log(len(logits))


class Ensemble:
    """Networks of one vocabulary, called like one of them; its logits are log-probabilities.

    Args:
        networks: at least one.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        (self.num_symbols,) = {network.num_symbols for network in networks}
        precisions = [network.precision for network in networks]
        self.precision = "bfloat16" if "bfloat16" in precisions else precisions[0]
        self._networks = networks

    def first_states(self, batch_size: int) -> list[States]:
        """Return the states of each network at the start of a text."""
        return [network.first_states(batch_size) for network in self._networks]

    def __call__(self, ids_bt: Any, states: Sequence[States], training: bool = False) -> tuple[Any, list[States]]:
        """Return log-probabilities_btv and the states of each network after the last character."""
        each = [network(ids_bt, own, training=training) for network, own in zip(self._networks, states, strict=True)]
        return average_probabilities([logits_btv for logits_btv, _ in each]), [after for _, after in each]

    def call_symbols_first(
        self, ids_bt: Any, states: Sequence[States], training: bool = False
    ) -> tuple[Any, list[States]]:
        """Return log-probabilities_vtb and the states at the end, as `Network.call_symbols_first`."""
        logits_btv, after = self(ids_bt, states, training=training)
        return tf.transpose(logits_btv), after
