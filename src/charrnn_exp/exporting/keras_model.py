"""The keras format: a model of Keras' own layers, which `keras.saving.load_model` reads without classes of ours."""

from pathlib import Path
from typing import Any

import keras

from charrnn_exp.exporting.parts import Parts
from charrnn_exp.model.network import NORM_EPSILON

FILE = "model.keras"
LAYOUT = """\
model.keras is read by keras.saving.load_model. It takes a dictionary of ids (int32 [b, t]) and of the states that
model.json names ([b, h] each), and returns one of logits (float32 [b, t, v]) and of the states after the last id.
"""


def write_keras_model(parts: Parts, folder: Path) -> None:
    """Write the model into a folder."""
    build_keras_model(parts).save(folder / FILE)


def build_keras_model(parts: Parts) -> Any:
    """Return the model, with its weights."""
    h, v = parts.hidden_size, parts.num_symbols
    ids = keras.Input((None,), dtype="int32", name="ids")
    inputs = {name: keras.Input((h,), dtype="float32", name=name) for name in parts.list_states()}
    outputs: dict[str, Any] = {}
    values: list[tuple[Any, list[Any]]] = []

    def add(layer: Any, weights: list[Any]) -> Any:
        values.append((layer, weights))
        return layer

    if parts.vectors_ve is None:
        features = keras.ops.one_hot(ids, v, dtype="float32")
    else:
        size = parts.vectors_ve.shape[1]
        features = add(keras.layers.Embedding(v, size, dtype="float32", name="embedding"), [parts.vectors_ve])(ids)
    for i, layer in enumerate(parts.layers, start=1):
        names = [f"state_{i}_{name}" for name in layer.first_states]
        recurrent = _choose_layer(parts.cell.name)(
            h, return_sequences=True, return_state=True, dtype="float32", name=f"{parts.cell.name}_{i}"
        )
        above, *states = add(recurrent, [*layer.weights.values()])(
            features, initial_state=[inputs[name] for name in names]
        )
        outputs |= dict(zip(names, states, strict=True))
        if layer.norm is not None:
            norm = keras.layers.LayerNormalization(epsilon=NORM_EPSILON, dtype="float32", name=f"norm_{i}")
            above = add(norm, [*layer.norm])(above)
        features = keras.layers.Add(dtype="float32", name=f"sum_{i}")([above, features]) if layer.adds_inputs else above
    dense = keras.layers.Dense(v, dtype="float32", name="logits")
    logits = add(dense, [parts.output_hv, parts.output_bias_v])(features)
    model = keras.Model({"ids": ids, **inputs}, {"logits": logits, **outputs}, name="charrnn")
    for built, weights in values:
        built.set_weights(weights)
    return model


def _choose_layer(cell: str) -> Any:
    match cell:
        case "lstm":
            return keras.layers.LSTM
        case "gru":
            return keras.layers.GRU
        case "rnn":
            return keras.layers.SimpleRNN
        case _:
            raise AssertionError(cell)
