"""Samples of a run folder."""

from pathlib import Path

from charrnn_exp.run_folder.samples import read_samples


def test_samples_come_back_by_step_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "step_9.txt").write_bytes(b"x\n\xff\n")
    (tmp_path / "step_10.txt").write_bytes(b"a\n\n\n=== next sample ===\n\nb\n\n")
    (tmp_path / "notes.txt").write_text("mine")
    assert list(read_samples(tmp_path).items()) == [(9, ["x\n\ufffd"]), (10, ["a\n", "b\n"])]
