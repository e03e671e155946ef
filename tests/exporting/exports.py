"""Networks, their exports, and what a process that has one library alone reads of them.

Axes: b stream, t time, v vocabulary.
"""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.exporting.from_run import write_files
from charrnn_exp.exporting.parts import read_parts
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel

V = 7
READERS = Path(__file__).with_name("readers.py")


def build(model: SizedModel, **changes: Any) -> Network:
    """Return a network whose weights and biases are all drawn."""
    network = Network(num_symbols=V, model=dataclasses.replace(model, **changes), precision="float32", seed=1)
    generator = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(scale=1.5 / np.sqrt(variable.shape[0]), size=variable.shape))
    return network


def write(network: Network, format_name: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    vocabulary = Vocabulary(Unit.char, tuple(range(97, 97 + network.num_symbols)))
    write_files(format_name, read_parts(network), vocabulary, {}, folder)
    return folder


def read_alone(format_name: str, asked: dict[Path, npt.NDArray[Any]], scratch: Path) -> list[npt.NDArray[Any]]:
    """Return logits_btv of each folder, from one process."""
    path = scratch / "asked.npz"
    np.savez(path, **{str(folder).replace("/", "|"): ids for folder, ids in asked.items()})  # type: ignore[arg-type]
    ended = subprocess.run(
        [sys.executable, str(READERS), format_name, str(path)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    with np.load(path) as arrays:
        return list(arrays.values())
