"""Each export, read in a process that has its library alone, gives the network's logits.

Axes: b stream, t time, v vocabulary.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charrnn_exp.exporting.formats import FORMATS
from charrnn_exp.model.size import SizedModel
from tests import trained
from tests.exporting.exports import READERS, V, build, read_alone, write
from tests.exporting.readers import FIRST

NORMALISED: dict[str, Any] = {"layer_norm": True, "residual": True, "learn_initial_state": True, "num_layers": 3}
VARIANTS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"cell": "gru", "num_layers": 2},
    "rnn": {"cell": "rnn", "num_layers": 2},
    "one-hot": {"embedding_dim": None},
    "one-hot gru": {"cell": "gru", "embedding_dim": None, "residual": True, "num_layers": 2},
    "tied": {"tie_embeddings": True, "embedding_dim": 5},
    "tied, projected": {"cell": "rnn", "tie_embeddings": True},
    "norm": {"layer_norm": True},
    "residual": {"residual": True, "num_layers": 3},
    "learned start": {"learn_initial_state": True, "num_layers": 2},
    "everything": {"tie_embeddings": True, **NORMALISED},
    "everything of a gru": {"cell": "gru", "tie_embeddings": True, **NORMALISED},
    "everything of an rnn": {"cell": "rnn", "tie_embeddings": True, **NORMALISED},
    "dropouts": {"dropout": 0.5, "input_dropout": 0.5, "embedding_dropout": 0.5, "weight_dropout": 0.5},
    "one unit": {"hidden_size": 1, "num_layers": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
def test_an_export_gives_the_networks_logits_in_a_process_with_its_library_alone(
    small_model: SizedModel, format_name: str, tmp_path: Path
) -> None:
    """Of every option of the model; the second half of each text starts from the states after the first."""
    asked, expected = {}, []
    for number, changes in enumerate(VARIANTS.values()):
        network, b = build(small_model, **changes), 2 + number % 2
        ids_bt = np.random.default_rng(number).integers(V, size=(b, FIRST + 4 + number % 3), dtype=np.int32)
        asked[write(network, format_name, tmp_path / str(number))] = ids_bt
        expected.append(network(tf.constant(ids_bt), network.first_states(b))[0].numpy())
    found = read_alone(format_name, asked, tmp_path)
    for name, found_btv, expected_btv in zip(VARIANTS, found, expected, strict=True):
        assert found_btv.shape == expected_btv.shape
        np.testing.assert_allclose(found_btv, expected_btv, rtol=1e-5, atol=1e-5, err_msg=name)
        assert np.std(expected_btv) > 0.1, "logits that say nothing"


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_trained_models_logits_are_the_same_over_a_long_text(
    small_model: SizedModel, format_name: str, tmp_path: Path
) -> None:
    """Differences of float32 may grow over a text: 500 characters, and each probability to 1e-4 of itself."""
    network = trained.build(small_model, "float32")
    ids_bt = trained.read_ids()[-1000:].reshape(2, 500).astype(np.int32)
    expected_btv = network(tf.constant(ids_bt), network.first_states(2))[0].numpy()
    (found_btv,) = read_alone(format_name, {write(network, format_name, tmp_path / "long"): ids_bt}, tmp_path)
    np.testing.assert_allclose(found_btv, expected_btv, rtol=1e-5, atol=1e-4)
    assert np.abs(found_btv - expected_btv).mean() < 1e-5


@pytest.mark.slow
def test_the_process_has_its_library_alone() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import readers; sys.meta_path.insert(0, readers.Refusal('npz'))"
    )
    for library in ("tensorflow", "keras", "onnx", "charrnn_exp"):
        ended = subprocess.run(
            [sys.executable, "-c", f"{code}; import {library}", str(READERS.parent)], capture_output=True, text=True
        )
        assert f"{library} must not be needed" in ended.stderr
