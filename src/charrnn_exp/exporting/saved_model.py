"""The saved_model format: TensorFlow's SavedModel, of any cell, for any numbers of streams and characters.

Axes: b stream, t time, z gates, h hidden units, v vocabulary.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf

from charrnn_exp.exporting.parts import Parts
from charrnn_exp.model.network import NORM_EPSILON

LAYOUT = """\
This folder is read by tf.saved_model.load. The result is called with ids (int32 [b, t]) and a dictionary of states, as
.first_states(b) returns it, and returns logits (float32 [b, t, v]) and the states after the last id. The signature
serving_default takes ids and the states by the names in model.json, and returns logits and the states.
"""


def write_saved_model(parts: Parts, folder: Path) -> None:
    """Write the model into a folder."""
    module = SavedNetwork(parts)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.signature})


class SavedNetwork(tf.Module):
    """A network as functions of tensors of any number of streams and characters.

    Args:
        parts: of it.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(name="charrnn")
        self._parts = parts
        self._values = {
            name: tf.Variable(array, name=name, trainable=False) for name, array in parts.list_arrays().items()
        }
        ids = tf.TensorSpec([None, None], tf.int32, "ids")
        states = {name: tf.TensorSpec([None, parts.hidden_size], tf.float32, name) for name in parts.list_states()}
        self.__call__ = tf.function(self._read, input_signature=[ids, states], autograph=False)
        num_streams = tf.TensorSpec([], tf.int32, "num_streams")
        self.first_states = tf.function(self._start, input_signature=[num_streams], autograph=False)
        self.signature = tf.function(self._serve, autograph=False).get_concrete_function(ids, **states)

    def _read(self, ids_bt: Any, states: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return logits_btv and the states after the last id."""
        after: dict[str, Any] = {}
        features_bth = None
        for i, layer in enumerate(self._parts.layers, start=1):
            names = {f"state_{i}_{name}": name for name in layer.first_states}
            products_btz = self._multiply_inputs(i, ids_bt, features_bth)
            outputs_bth, last = self._run_layer(i, products_btz, tuple(states[name] for name in names))
            after |= dict(zip(names, last, strict=True))
            if layer.norm is not None:
                outputs_bth = self._normalise(i, outputs_bth)
            features_bth = outputs_bth + features_bth if layer.adds_inputs else outputs_bth
        return features_bth @ self._values["output.kernel"] + self._values["output.bias"], after

    def _start(self, num_streams: Any) -> dict[str, Any]:
        """Return the states of so many streams at the start of a text."""
        return {
            name: tf.tile(tf.constant(state_h)[None, :], [num_streams, 1])
            for name, state_h in self._parts.list_states().items()
        }

    def _serve(self, ids: Any, **states: Any) -> dict[str, Any]:
        logits_btv, after = self._read(ids, states)
        return {"logits": logits_btv, **after}

    def _multiply_inputs(self, i: int, ids_bt: Any, features_bth: Any) -> Any:
        """Return the product of the inputs of layer i with its kernel."""
        kernel = self._values[f"layer.{i}.{self._parts.cell.kernel}"]
        if i > 1:
            return features_bth @ kernel
        table = kernel if self._parts.vectors_ve is None else self._values["input.vectors"] @ kernel
        return tf.gather(table, ids_bt)

    def _run_layer(self, i: int, products_btz: Any, states: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Return outputs_bth and the states after the last step, [b, h] each."""
        cell, h = self._parts.cell, self._parts.hidden_size
        values = {name: self._values[f"layer.{i}.{name}"] for name in self._parts.layers[i - 1].weights}
        recurrent = None if cell.recurrent_kernel is None else values.pop(cell.recurrent_kernel)
        del values[cell.kernel]
        others = {name: tf.convert_to_tensor(value) for name, value in values.items()}

        def advance(columns: tuple[list[Any], tuple[Any, ...]]) -> tuple[Any, ...]:
            """Return the states of one stream after a step."""
            products, before = columns
            after, _ = cell.step([each[:, None] for each in products], others, tuple(s[:, None] for s in before))
            return tuple(tf.reshape(each, [h]) for each in after)

        def body(t: Any, before: tuple[Any, ...], stack: Any) -> tuple[Any, ...]:
            products = [products_tbz[t]]
            if recurrent is not None:
                of_hidden_bz = before[0] @ recurrent
                products = [products[0] + of_hidden_bz] if cell.joins_products else [*products, of_hidden_bz]
            # A cell's step takes a known number of streams: one.
            after = tf.vectorized_map(advance, (products, before))
            return t + 1, after, stack.write(t, after[0])

        products_tbz = tf.transpose(products_btz, [1, 0, 2])
        num_steps = tf.shape(products_tbz)[0]
        start = (tf.constant(0), states, tf.TensorArray(tf.float32, num_steps, element_shape=[None, h]))
        _, states, stack = tf.while_loop(lambda t, *_: t < num_steps, body, start)
        return tf.transpose(stack.stack(), [1, 0, 2]), states

    def _normalise(self, i: int, outputs_bth: Any) -> Any:
        mean, variance = tf.nn.moments(outputs_bth, axes=[-1], keepdims=True)
        gain_h, shift_h = (self._values[f"layer.{i}.norm.{name}"] for name in ("gain", "bias"))
        return (outputs_bth - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * gain_h + shift_h
