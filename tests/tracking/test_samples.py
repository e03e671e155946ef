"""Samples of a run folder, and their table."""

from pathlib import Path

from charrnn_exp.tracking.samples import build_table, read_samples


def test_each_sample_is_a_row_with_what_it_was_drawn_with() -> None:
    assert build_table(["a\n", "b"], run="r", step=7, val_loss=1.23456, temperature=0.5) == {
        "run": ["r", "r"],
        "step": [7, 7],
        "val_loss": [1.2346, 1.2346],
        "temperature": [0.5, 0.5],
        "text": ["a\n", "b"],
    }


def test_samples_come_back_by_step_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "step_9.txt").write_bytes(b"x\n\xff\n")
    (tmp_path / "step_10.txt").write_bytes(b"a\n\n\n=== next sample ===\n\nb\n\n")
    (tmp_path / "notes.txt").write_text("mine")
    assert list(read_samples(tmp_path).items()) == [(9, ["x\n\ufffd"]), (10, ["a\n", "b\n"])]
