"""`metrics.jsonl`."""

from pathlib import Path

import pytest

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.metrics import MetricsFile, read_metrics


def write(path: Path, steps: range, *, last_step: int = 0) -> None:
    file = MetricsFile(path, last_step=last_step)
    file.open()
    for step in steps:
        file.write(step, {"train_loss": step / 10})
    file.close()


def test_rows_come_back_as_curves(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 4))
    assert read_metrics(path) == {"train_loss": [(1, 0.1), (2, 0.2), (3, 0.3)]}


def test_a_row_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.jsonl", last_step=0)
    file.open()
    file.write(1, {"val_loss": 2.5})
    assert read_metrics(tmp_path / "metrics.jsonl") == {"val_loss": [(1, 2.5)]}
    file.close()


def test_rows_after_the_checkpoint_are_dropped_when_a_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 8))
    write(path, range(5, 7), last_step=4)
    assert [step for step, _ in read_metrics(path)["train_loss"]] == [1, 2, 3, 4, 5, 6]


def test_the_file_is_as_it_was_until_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 8))
    found = path.read_bytes()
    MetricsFile(path, last_step=4).close()
    assert path.read_bytes() == found
    assert read_metrics(path, last_step=2) == {"train_loss": [(1, 0.1), (2, 0.2)]}


def test_half_a_row_of_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 4))
    with path.open("a") as file:
        file.write('{"step": 4, "train')
    assert len(read_metrics(path)["train_loss"]) == 3
    write(path, range(4, 5), last_step=3)
    assert [step for step, _ in read_metrics(path)["train_loss"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("line", ["", "3", "[]", "{}", '{"step": "1"}', '{"step": 1, "a": "x"}', "[" * 100_000])
def test_a_line_that_no_run_wrote_is_damaged(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(MachineError, match="each line must hold a step and numbers"):
        read_metrics(tmp_path / "metrics.jsonl")
    with pytest.raises(MachineError, match="each line must hold a step and numbers"):
        MetricsFile(tmp_path / "metrics.jsonl", last_step=3).open()
