"""Checkpoints on disk."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.run_folder.checkpoint import MANIFEST, TRAINING, WEIGHTS, hash_manifest
from charrnn_exp.run_folder.checkpoints import CheckpointStore


@pytest.fixture
def run(start: Any) -> Any:
    return start("training.sequence_length=150", "model.dropout=0.3", "training.ema_decay=0.9")


def save(run: Any, step: int, *, kept: bool = False, best: bool = False) -> None:
    run.state.progress.step = step
    if best:
        run.state.progress.best_step, run.state.progress.best_val_loss = step, 1 / step
    run.checkpoints.save(run.state.snapshot(), kept=kept)


def test_what_is_saved_is_what_is_loaded(run: Any) -> None:
    run.train(should_stop=lambda: True)
    weights, training = run.state.weight_arrays(), run.state.training_arrays()
    _, loaded_weights, loaded_training, warnings = run.checkpoints.load_newest()
    assert warnings == []
    for expected, found in ((weights, loaded_weights), (training, loaded_training)):
        assert expected.keys() == found.keys()
        for key in expected:
            np.testing.assert_array_equal(expected[key], found[key])
            assert expected[key].dtype == found[key].dtype


def test_equal_states_give_equal_files(run: Any, start: Any) -> None:
    again = start("training.sequence_length=150", "model.dropout=0.3", "training.ema_decay=0.9", folder="again")
    save(run, 3)
    save(again, 3)
    for name in (WEIGHTS, TRAINING):
        first, second = (r.checkpoints.find_all()[0].folder / name for r in (run, again))
        assert first.read_bytes() == second.read_bytes()


def test_rolling_checkpoints_go_and_kept_and_best_stay(run: Any) -> None:
    save(run, 1, kept=True)
    save(run, 2, best=True)
    for step in range(3, 8):
        save(run, step)
    assert [checkpoint.step for checkpoint in run.checkpoints.find_all()] == [1, 2, 6, 7]
    assert run.checkpoints.best_step() == 2


def test_the_newest_is_the_last_by_name_whatever_the_clock_says(run: Any) -> None:
    save(run, 10_000_000_00)
    save(run, 2)
    assert run.checkpoints.load_newest()[0].step == 10_000_000_00


@pytest.mark.parametrize("name", [WEIGHTS, TRAINING, MANIFEST])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "delete"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(run: Any, name: str, damage: str) -> None:
    save(run, 1)
    save(run, 2)
    path: Path = run.checkpoints.find_all()[-1].folder / name
    raw = bytearray(path.read_bytes())
    match damage:
        case "flip":
            raw[len(raw) // 2] ^= 255
            path.write_bytes(raw)
        case "cut":
            path.write_bytes(raw[: len(raw) // 2])
        case "empty":
            path.write_bytes(b"")
        case "delete":
            path.unlink()
    if name == MANIFEST and damage == "flip":
        path.write_text(path.read_bytes().decode(errors="replace").replace('"sha256"', '"sha255"'))
    checkpoint, *_, warnings = run.checkpoints.load_newest()
    assert checkpoint.step == 1
    assert len(warnings) == 1
    assert "step_0000000002" in warnings[0]


def test_a_manifest_that_says_anything_else_than_was_written_does_not_count(run: Any) -> None:
    save(run, 1)
    (checkpoint,) = run.checkpoints.find_all()
    path = checkpoint.folder / MANIFEST
    written = path.read_text()
    for changed in (written.replace('"kept": false', '"kept": true'), written.replace('"epoch": 0', '"epoch": 1')):
        assert changed != written
        path.write_text(changed)
        with pytest.raises(MachineError, match="its sha256 is not the one written"):
            checkpoint.read_manifest()
    path.write_text(written)
    checkpoint.folder.rename(checkpoint.folder.with_name("step_0000000002"))
    (checkpoint,) = run.checkpoints.find_all()
    with pytest.raises(MachineError, match="must be of format and step"):
        checkpoint.read_manifest()


def test_the_best_stays_where_a_kill_left_best_json_behind(run: Any) -> None:
    save(run, 1, best=True)
    save(run, 2, best=True)
    (run.checkpoints.folder / "best.json").write_text('{"step": 1}\n')
    for step in range(3, 7):
        save(run, step)
    assert [checkpoint.step for checkpoint in run.checkpoints.find_all()] == [2, 5, 6]
    assert json.loads((run.checkpoints.folder / "best.json").read_text()) == {"step": 2}


def test_no_whole_checkpoint_is_said(run: Any) -> None:
    save(run, 1)
    (run.checkpoints.find_all()[0].folder / WEIGHTS).unlink()
    with pytest.raises(MachineError, match="no whole checkpoint in"):
        run.checkpoints.load_newest()


def test_a_pickle_in_an_npz_is_not_run(run: Any, tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return (Path.touch, (tmp_path / "canary",))

    save(run, 1)
    checkpoint = run.checkpoints.find_all()[0]
    np.savez(checkpoint.folder / WEIGHTS, evil=np.array([Canary()], dtype=object))
    raw = (checkpoint.folder / WEIGHTS).read_bytes()
    manifest = checkpoint.read_manifest()
    manifest["files"][WEIGHTS] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    (checkpoint.folder / MANIFEST).write_text(json.dumps({**manifest, "sha256": hash_manifest(manifest)}))
    with pytest.raises(MachineError):
        run.checkpoints.load_newest()
    assert not (tmp_path / "canary").exists()


def test_leftovers_of_a_kill_do_not_count_and_go_at_the_next_save(run: Any) -> None:
    save(run, 1)
    leftover = run.checkpoints.folder / ".step_0000000009.123"
    leftover.mkdir()
    assert [checkpoint.step for checkpoint in run.checkpoints.find_all()] == [1]
    save(run, 2)
    assert not leftover.exists()


def test_a_checkpoint_of_something_else_is_refused_with_both_values(run: Any, tmp_path: Path) -> None:
    mine = {"model": {"hidden_size": 5}, "vocabulary_sha256": "aa"}
    store = CheckpointStore(tmp_path / "facts", facts=mine, num_rolling=1)
    store.save(run.state.snapshot(), kept=False)
    other = CheckpointStore(tmp_path / "facts", facts={**mine, "vocabulary_sha256": "bb"}, num_rolling=1)
    store.check_facts(store.find_all()[0])
    with pytest.raises(UserError, match="same vocabulary_sha256, got 'aa' where this run has 'bb'"):
        other.check_facts(other.find_all()[0])


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the system call itself is refused; `make stress` does it by strace."""
    save(run, 1, best=True)
    save(run, 2)

    def refuse(path: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("os.listdir", refuse)
        with pytest.raises(PermissionError):
            run.checkpoints.find_all()
        with pytest.raises(PermissionError):
            run.checkpoints.best_step()
    assert run.checkpoints.best_step() == 1


def test_a_folder_that_cannot_be_written_is_one_line(run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = CheckpointStore(tmp_path / "file" / "checkpoints", facts={}, num_rolling=1)
    with pytest.raises(MachineError, match=r"cannot write checkpoint .* \(Not a directory"):
        store.save(run.state.snapshot(), kept=False)


def test_a_checkpoint_made_again_is_never_away_and_gets_the_new_manifest(run: Any) -> None:
    save(run, 1)
    (checkpoint,) = run.checkpoints.find_all()
    places = [(checkpoint.folder / name).stat().st_ino for name in (".", WEIGHTS, TRAINING)]
    save(run, 1, kept=True)
    assert [(checkpoint.folder / name).stat().st_ino for name in (".", WEIGHTS, TRAINING)] == places
    assert checkpoint.read_manifest()["kept"] is True
    run.checkpoints.load_newest()


@pytest.mark.parametrize("name", [WEIGHTS, TRAINING, MANIFEST])
@pytest.mark.parametrize("damage", [Path.touch, Path.mkdir])
def test_a_damaged_checkpoint_made_again_is_whole_again(run: Any, name: str, damage: Any) -> None:
    save(run, 1)
    (checkpoint,) = run.checkpoints.find_all()
    (checkpoint.folder / name).unlink()
    damage(checkpoint.folder / name)
    save(run, 1)
    assert run.checkpoints.load_newest()[-1] == []


def test_a_checkpoint_whose_replacement_never_came_is_brought_back(run: Any) -> None:
    """As a kill leaves it between the hiding of the old one and the naming of the new."""
    save(run, 1)
    save(run, 2)
    newest = run.checkpoints.find_all()[-1].folder
    newest.rename(newest.with_name(f".{newest.name}.replaced"))
    assert run.checkpoints.load_newest()[0].step == 2
    run.state.network.trainable_variables[0].assign_add(np.ones(run.state.network.trainable_variables[0].shape))
    save(run, 2)
    assert sorted(path.name for path in run.checkpoints.folder.iterdir()) == ["step_0000000001", "step_0000000002"]


def test_arithmetic_that_changed_is_told_fact_by_fact(run: Any, tmp_path: Path) -> None:
    facts = {"precision": "bfloat16", "machine": {"threads": "2", "device": "cpu"}, "versions": {"numpy": "2.4.6"}}
    store = CheckpointStore(tmp_path / "facts", facts=facts, num_rolling=1)
    store.save(run.state.snapshot(), kept=False)
    (checkpoint,) = store.find_all()
    assert store.find_changes(checkpoint) == []
    changed = {**facts, "precision": "float32", "machine": {"threads": "8", "device": "cpu"}}
    lines = CheckpointStore(tmp_path / "facts", facts=changed, num_rolling=1).find_changes(checkpoint)
    assert [line.partition(":")[0] for line in lines] == [
        "checkpoint step_0000000000 was made with precision 'bfloat16', this process has 'float32'",
        "checkpoint step_0000000000 was made with machine.threads '2', this process has '8'",
    ]


@pytest.mark.parametrize("step", [np.int64(4), np.int64(-1), np.float64(3), np.array([1, 2]), np.array("x")])
def test_arrays_of_another_step_than_the_checkpoints_are_refused(run: Any, step: Any) -> None:
    save(run, 3)
    _, weights, training, _ = run.checkpoints.load_newest()
    with pytest.raises(MachineError, match=r"progress\.step is"):
        run.state.restore(weights, {**training, "progress.step": np.asarray(step)}, step=3)
