"""The blocks of docs/export.md, each in a process that has its library alone, and the verb that makes what they read.

Axes: b stream, t time, v vocabulary.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.api import open_model
from tests.exporting.readers import HEAVY, LIBRARIES, find_block
from tests.forks import Program

RUN = Path(__file__).parents[1] / "data" / "runs_cce24c3" / "gru"
TITLES = {"saved_model": "TensorFlow", "keras": "Keras", "onnx": "onnxruntime", "npz": "NumPy"}
REFUSE = (
    "import sys; sys.path.insert(0, {tests!r}); import readers; sys.meta_path.insert(0, readers.Refusal({library!r}))"
)
TOLD = {
    # The loop once more goes on; the state after all but the last symbol gives the last logits.
    "saved_model": "\nexec(LOOP)\nout = {'text': text, 'logits': logits.numpy().tolist()}",
    "keras": "\nout = {'logits': logits.numpy().tolist(), 'states': [x.numpy().tolist() for x in states.values()]}",
    "onnx": "\nout = {'logits': logits.tolist(), 'states': [x.tolist() for x in states]}",
    "npz": "\nlogits, states = read([[0, 1, 2]], states)\n"
    "out = {'logits': logits.tolist(), 'states': [x.tolist() for x in states.values()]}",
}
"""What is added to each block to see its results."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Path:
    """A folder with a run, and an export of it in each format."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(RUN, folder / "run")
    for name in LIBRARIES:
        ended = program.run(folder, "export", "run=run", f"format={name}", f"out={name}")
        assert ended.returncode == 0, ended.stderr
        size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        assert ended.stdout == f"{name}: {size:,} bytes\n"
    return folder


def run_block(folder: Path, name: str) -> dict[str, Any]:
    """Run a block of the page where `exported` is the export, and return its results."""
    place = folder / f"in_{name}"
    place.mkdir()
    (place / "exported").symlink_to(folder / name)
    block = find_block(TITLES[name]).replace('"ROMEO:"', '"the "')
    loop = block[block.index("for _ in range(300)") : block.index("print(text)")] if name == "saved_model" else ""
    refuse = REFUSE.format(tests=str(Path(__file__).parent), library=LIBRARIES[name])
    code = f"{refuse}\nLOOP = {loop!r}\n{block}{TOLD[name]}\nopen('told', 'w').write(json.dumps(out))\n"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads((place / "told").read_text())
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "onnx", "npz"])
def test_a_block_reads_the_model(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(folder / "run")
    expected_btv, after = model([[0, 1, 2]])
    told = run_block(folder, name)
    logits_btv = np.array(told["logits"])
    log_p_btv = logits_btv - np.log(np.exp(logits_btv).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(log_p_btv, expected_btv, atol=1e-5)
    np.testing.assert_allclose(told["states"], np.array(after)[:, 0], atol=1e-5)


@pytest.mark.slow
def test_tensorflows_way_loads_generates_and_goes_on(folder: Path) -> None:
    """The text is of the run's symbols, and the last logits are those of the whole text read at once."""
    model, told = open_model(folder / "run"), run_block(folder, "saved_model")
    text = told["text"]
    assert len(text) == len("the ") + 300 + 300
    assert text.startswith("the ")
    expected_btv, _ = model(model.encode(text[:-1]))
    logits_v = np.array(told["logits"])[0, -1]
    np.testing.assert_allclose(logits_v - np.log(np.exp(logits_v).sum()), expected_btv[0, -1], atol=1e-5)
    assert len(set(text)) > 5


@pytest.mark.slow
def test_the_page_is_short(folder: Path) -> None:
    assert sum(bool(line.strip()) for line in find_block("TensorFlow").splitlines()) <= 12, "ten, and two imports"
    assert len(find_block("NumPy").splitlines()) <= 50
    assert set(LIBRARIES.values()) - {"numpy"} <= HEAVY


@pytest.mark.slow
def test_an_export_is_whole_or_not_there(folder: Path, program: Program) -> None:
    before = sorted(folder.iterdir())
    for words, said in (
        (("format=onnx", "out=npz"), "out must be a new path, got 'npz', which exists."),
        (("format=pickle", "out=new"), "format must be one of saved_model, keras, npz, onnx, got 'pickle'."),
        (("out=new",), "format must be one of"),
        (("format=npz",), "out must be a new path, got nothing."),
        (("format=npz", "out=new", "checkpoint=first"), "checkpoint must be last or best, got 'first'."),
    ):
        ended = program.run(folder, "export", "run=run", *words)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert said in ended.stderr
    assert sorted(folder.iterdir()) == before
    for name in LIBRARIES:
        assert {path.name for path in (folder / name).iterdir()} >= {"README.txt", "model.json", "vocabulary.json"}
        assert (folder / name / "vocabulary.json").read_bytes() == (folder / "run" / "vocabulary.json").read_bytes()
        facts = json.loads((folder / name / "model.json").read_text())
        assert (facts["cell"], facts["step"]) == ("gru", 60)
