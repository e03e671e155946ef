"""The summary as a value, and as JSON that older and newer runs have written."""

import json
from pathlib import Path

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.summary import TYPES, Summary

WHOLE = Summary(
    status="KILLED",
    run_id="a1",
    step=7,
    epoch=2,
    train_loss=1.5,
    val_loss=2,
    scores={"val": {"loss": 2.0, "standard_error": None}},
    val_characters={"used": 5, "all": 9},
    dataset_notes=["odd"],
    seconds_by_activity={"start": 0.5},
    checkpoint="checkpoints/step_0000000007",
)


def test_a_summary_comes_back_from_json_as_it_was() -> None:
    assert Summary.from_json(json.loads(json.dumps(WHOLE.to_json()))) == WHOLE


def test_the_keys_of_the_file_are_these_in_this_order() -> None:
    assert list(WHOLE.to_json()) == [
        "status", "run_id", "step", "epoch", "train_loss", "val_loss", "val_loss_raw", "best_val_loss", "best_step",
        "test_loss", "scores", "bits_per_char", "ngram_val_loss", "published", "val_characters", "dataset_notes",
        "num_parameters", "chars_per_second", "seconds", "seconds_by_activity", "checkpoint", "sample", "chosen_step",
        "name", "session_began", "num_sessions", "block_losses", "job_hash", "novelty",
    ]  # fmt: skip


@pytest.mark.parametrize("key", TYPES)
def test_a_summary_of_an_older_run_lacks_any_key_and_one_of_a_newer_has_more(key: str) -> None:
    values = {name: value for name, value in WHOLE.to_json().items() if name != key} | {"of a newer version": 1}
    assert getattr(Summary.from_json(values), key) == getattr(Summary(), key)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [("status", 3, "str"), ("step", None, "int"), ("step", True, "int"), ("val_loss", "2", "float"),
     ("scores", [], "dict"), ("dataset_notes", {}, "list"), ("seconds", False, "float")],
)  # fmt: skip
def test_a_value_of_another_type_is_damage_with_its_key(tmp_path: Path, key: str, value: object, kind: str) -> None:
    folder = RunFolder(tmp_path)
    folder.summary.write_text(json.dumps(WHOLE.to_json() | {key: value}))
    with pytest.raises(MachineError) as caught:
        folder.read_summary()
    assert str(caught.value) == f"{folder.summary} must have {key} of type {kind}, got {str(value)!r}. Move it away."


@pytest.mark.parametrize(("status", "has_ended"), [(None, False), ("RUNNING", False), ("FAILED", True)])
def test_a_run_that_never_said_how_it_ended_has_not_ended(status: str | None, has_ended: bool) -> None:
    assert Summary(status=status).has_ended == has_ended


def test_where_no_summary_was_written_nothing_is_known(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).read_summary() == Summary()
