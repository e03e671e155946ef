"""Reads exports in a process that has one library alone: `python readers.py FORMAT ARRAYS`.

The file ARRAYS (npz) has `folders`, and ids [b, t] for each. The logits of the first FIRST ids and, from the states
after them, of the rest, are written to ARRAYS in their place.
"""

import importlib.abc
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FIRST = 3
LIBRARIES = {"saved_model": "tensorflow", "keras": "keras", "npz": "numpy", "onnx": "onnxruntime"}
HEAVY = {"tensorflow", "keras", "onnx", "onnxruntime", "jax", "torch", "charrnn_exp"}
NEEDS = {"keras": {"tensorflow"}, "tensorflow": {"keras"}}
"""Keras needs its backend; TensorFlow imports Keras by itself."""
PAGE = Path(__file__).parents[2] / "docs" / "export.md"
Reading = Callable[[Any, Any], tuple[Any, Any]]


class Refusal(importlib.abc.MetaPathFinder):
    """Refuses to import all heavy libraries but one, and this package."""

    def __init__(self, library: str) -> None:
        self.refused = HEAVY - {library} - NEEDS.get(library, set())

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self.refused:
            raise ImportError(f"{name} must not be needed")


def find_block(title: str) -> str:
    """Return the code below a heading of the page."""
    found = re.search(rf"^## {title}.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def open_export(format_name: str, folder: Path, num_streams: int) -> tuple[Reading, Any]:
    """Return the model as a function of ids and states, and its states at the start of a text."""
    first = json.loads((folder / "model.json").read_text())["first_states"]
    states = {name: np.tile(np.array(values, np.float32), (num_streams, 1)) for name, values in first.items()}
    match format_name:
        case "saved_model":
            import tensorflow as tf

            model = tf.saved_model.load(str(folder))
            return lambda ids, states: model(tf.constant(ids, tf.int32), states), model.first_states(num_streams)
        case "keras":
            import keras

            loaded = keras.saving.load_model(folder / "model.keras")

            def call(ids: Any, states: Any) -> tuple[Any, Any]:
                tensors = {name: keras.ops.array(state) for name, state in states.items()}
                outputs = dict(loaded({"ids": keras.ops.array(ids), **tensors}))
                return outputs.pop("logits"), outputs

            return call, states
        case "npz":
            names: dict[str, Any] = {}
            exec(find_block("NumPy").replace('"exported/', f'"{folder}/'), names)
            return names["read"], states
        case "onnx":
            import onnxruntime

            session = onnxruntime.InferenceSession(folder / "model.onnx")

            def run(ids: Any, states: Any) -> tuple[Any, Any]:
                logits, *after = session.run(None, {"ids": ids.astype(np.int64), **states})
                return logits, dict(zip(first, after, strict=True))

            return run, states
        case _:
            raise AssertionError(format_name)


def main(format_name: str, path: Path) -> None:
    sys.meta_path.insert(0, Refusal(LIBRARIES[format_name]))
    with np.load(path) as arrays:
        asked = dict(arrays)
    answers = {}
    for folder, ids in asked.items():
        read, states = open_export(format_name, Path(folder.replace("|", "/")), len(ids))
        first, states = read(ids[:, :FIRST], states)
        second, _ = read(ids[:, FIRST:], states)
        answers[folder] = np.concatenate([np.asarray(first), np.asarray(second)], axis=1)
    np.savez(path, **answers)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
