"""What is handed on of a run: a whole checkpoint of the run's own vocabulary, or nothing."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from charrnn_exp.errors import CharRNNError, MachineError, UserError
from charrnn_exp.run_folder.checkpoint import WEIGHTS
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.serving.mlflow_package import choose_checkpoint, packed_model
from charrnn_exp.serving.orders import MAX_PROMPT

OLD = Path(__file__).parents[1] / "data" / "runs_cce24c3" / "averages"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(OLD, tmp_path / "run")))


def test_the_last_checkpoint_is_the_newest_and_the_best_one_whole(folder: RunFolder) -> None:
    places = sorted(path.name for path in folder.checkpoints.glob("step_*"))
    assert choose_checkpoint(folder, "last").folder.name == places[-1]
    assert choose_checkpoint(folder, None).folder == choose_checkpoint(folder, "best").folder
    with pytest.raises(UserError, match=r"checkpoint must be last or best, got ''"):
        choose_checkpoint(folder, "")


def test_a_run_of_another_vocabulary_or_with_a_damaged_file_is_not_handed_on(folder: RunFolder) -> None:
    whole = folder.vocabulary.read_text()
    for spoiled, error in (("[" * 99, MachineError), ("", MachineError), (drop_symbol(whole), CharRNNError)):
        folder.vocabulary.write_text(spoiled)
        with pytest.raises(error):
            choose_checkpoint(folder, None)
    folder.vocabulary.write_text(whole)
    for path in folder.checkpoints.glob(f"*/{WEIGHTS}"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MachineError):
        choose_checkpoint(folder, None)
    shutil.rmtree(folder.checkpoints)
    with pytest.raises(MachineError, match="has no checkpoint: resume it first"):
        choose_checkpoint(folder, None)


@pytest.mark.filterwarnings("ignore:Operation with range is deprecated")  # in MLflow
def test_the_example_of_a_model_is_one_that_it_takes(folder: RunFolder) -> None:
    """Also where the prompt of the run is longer than that of a request may be."""
    values = yaml.safe_load(folder.config.read_text())
    values["sampling"]["prompt"] = "the " * MAX_PROMPT
    folder.config.write_text(yaml.safe_dump(values))
    with packed_model(folder, choose_checkpoint(folder, None)) as model:
        example = (model / "input_example.json").read_text()
    assert "the " * (MAX_PROMPT // 4) in example
    assert "the " * (MAX_PROMPT // 4 + 1) not in example


def drop_symbol(vocabulary: str) -> str:
    """Return the vocabulary of a text that lacks one of the symbols."""
    values = json.loads(vocabulary)
    (name,) = (name for name, value in values.items() if isinstance(value, list))
    return json.dumps({**values, name: values[name][1:]})
