"""The export of a run's model as a folder: a file of the format, the vocabulary, the facts, and how to read them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.exporting.formats import FORMATS, check_format
from charrnn_exp.files import sync_folder
from charrnn_exp.machine.tensorflow import import_tensorflow
from charrnn_exp.model.memory import check_scoring_memory, explain_memory_errors
from charrnn_exp.model.size import resolve
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import find_weights_hash, read_trained_checkpoint

README = """\
{title} of a character-level language model, written by charrnn_exp.

{layout}
model.json has the sizes, the run, and first_states: the states at the start of a text, [h] each, for one stream.
vocabulary.json has the symbols: id i is the character (or byte, by its unit) code_points[i].
All numbers are float32, and dropout is off.{lines}
"""
OF_LINES = """
It is a model of lines: each starts from first_states with the line break before it as its first symbol, and ends with
the next one; the model does not start anew by itself."""


def export(
    folder: RunFolder, out: Path, *, format_name: str | None, checkpoint: str | None, warn: Callable[[str], None]
) -> int:
    """Write the model of a run as a new folder, and return its bytes.

    Args:
        folder: of the run.
        out: the new folder.
        format_name: as typed, see `FORMATS`.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        warn: called with a line for each damaged checkpoint that is skipped.

    Raises:
        UserError: if there is no such format, or it cannot express the model.
        MachineError: if the run has no checkpoint, or memory is short.
    """
    config, vocabulary = folder.read_untracked_config(), folder.read_vocabulary()
    model = resolve(config.model, num_symbols=len(vocabulary))
    chosen_format = check_format(format_name, model, num_symbols=len(vocabulary))
    check_scoring_memory(model, num_symbols=len(vocabulary))
    facts = {"vocabulary_sha256": vocabulary.sha256}
    chosen, weights = read_trained_checkpoint(folder, checkpoint, facts=facts, warn=warn)
    of_run = {"run": folder.label, "step": chosen.step, "weights_sha256": find_weights_hash(chosen)}
    with explain_memory_errors():
        parts = _read_parts(config, weights, vocabulary)
        unfinished = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            unfinished.mkdir()
            write_files(chosen_format, parts, vocabulary, of_run, unfinished)
            _sync(unfinished)
            unfinished.rename(out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    sync_folder(out.parent)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def write_files(format_name: str, parts: Any, vocabulary: Vocabulary, of_run: dict[str, Any], folder: Path) -> None:
    """Write the files of an export into a folder.

    Args:
        format_name: one of `FORMATS`.
        parts: of the network, see exporting/parts.py.
        vocabulary: of the run.
        of_run: facts that model.json also gets.
        folder: that exists.
    """
    layout = _write(format_name, parts, folder)
    texts = {
        "vocabulary.json": vocabulary.to_json() + "\n",
        "model.json": json.dumps(of_run | parts.describe(), indent=1) + "\n",
        "README.txt": README.format(title=FORMATS[format_name], layout=layout, lines=OF_LINES * parts.of_lines),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")


def _read_parts(config: Config, weights: dict[str, Any], vocabulary: Vocabulary) -> Any:
    import_tensorflow()
    from charrnn_exp.exporting.parts import read_parts
    from charrnn_exp.model.weights import build_trained_network

    return read_parts(build_trained_network(config, weights, vocabulary))


def _write(format_name: str, parts: Any, folder: Path) -> str:
    """Write the file of a format and return the words about it."""
    match format_name:
        case "saved_model":
            from charrnn_exp.exporting import saved_model

            saved_model.write_saved_model(parts, folder)
            return saved_model.LAYOUT
        case "keras":
            from charrnn_exp.exporting import keras_model

            keras_model.write_keras_model(parts, folder)
            return keras_model.LAYOUT
        case "npz":
            from charrnn_exp.exporting import arrays

            arrays.write_arrays(parts, folder)
            return arrays.LAYOUT
        case "onnx":
            from charrnn_exp.exporting import onnx_graph

            onnx_graph.write_onnx_graph(parts, folder)
            return onnx_graph.LAYOUT
        case _:
            raise AssertionError(format_name)


def _sync(folder: Path) -> None:
    """Sync all files and folders of a folder to disk."""
    for parent, _, files in os.walk(folder):
        for name in files:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))
