"""The formats of an export, and what each can express; before TensorFlow is imported."""

import importlib.util

from charrnn_exp.errors import UserError
from charrnn_exp.model.size import SizedModel, count_weights

FORMATS = {
    "saved_model": "TensorFlow's SavedModel",
    "keras": "a model of Keras' own layers, model.keras",
    "npz": "arrays of NumPy, model.npz",
    "onnx": "an ONNX graph, model.onnx",
}
"""What each format writes, by name."""
WRITTEN_OUT = ("lstm", "gru", "rnn")
"""Cells whose maths all formats have. SavedModel takes the maths of any cell from its own TensorFlow code."""
MAX_ONNX_WEIGHTS = 500_000_000
"""Weights of the largest ONNX graph: a file of protobuf has less than 2 GiB."""


def check_format(name: str | None, model: SizedModel, *, num_symbols: int) -> str:
    """Return the format, if it can express the model.

    Args:
        name: as typed.
        model: of the run.
        num_symbols: of its vocabulary.

    Raises:
        UserError: if there is no such format, it cannot express the model, or its library is not installed.
    """
    if name not in FORMATS:
        raise UserError(f"format must be one of {', '.join(FORMATS)}, got {name or 'nothing'!r}.")
    if model.cell not in WRITTEN_OUT and name != "saved_model":
        raise UserError(
            f"format must be saved_model for model.cell={model.cell}, got {name!r}, which has the cells "
            f"{', '.join(WRITTEN_OUT)} alone."
        )
    if name == "onnx":
        count = count_weights(model, num_symbols=num_symbols)
        if not count <= MAX_ONNX_WEIGHTS:
            raise UserError(
                f"format must be saved_model, keras or npz for {count:,} weights, got 'onnx', which takes at most "
                f"{MAX_ONNX_WEIGHTS:,}."
            )
        if importlib.util.find_spec("onnx") is None:
            raise UserError(
                "format must be saved_model, keras or npz where the package onnx is not installed, got 'onnx'. "
                'Install it: python -m pip install "charrnn_exp[onnx]"'
            )
    return name
