"""The rows that events become."""

from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn_exp.experiment.listeners.metrics import Metrics
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.metrics import MetricsFile, read_metrics
from charrnn_exp.training.loop import Saving
from tests.experiment.listeners.events import EVENTS, STEPS


def make(
    file: MetricsFile,
    watch: Stopwatch,
    send: Callable[[int, object], None],
    *,
    is_averaged: bool = False,
    is_resumed: bool = False,
) -> Metrics:
    return Metrics(file, is_resumed=is_resumed, characters_per_step=40, is_averaged=is_averaged, watch=watch, send=send)


@pytest.mark.parametrize("is_averaged", [False, True])
def test_every_event_with_numbers_is_a_row_that_is_handed_on_after_it_is_in_the_file(
    tmp_path: Path, is_averaged: bool
) -> None:
    path, watch = tmp_path / "metrics.jsonl", Stopwatch()
    sent: list[tuple[int, object]] = []

    def send(step: int, values: object) -> None:
        assert path.read_text().count("\n") == len(sent) + 1
        sent.append((step, values))

    file = MetricsFile(path, last_step=0)
    metrics = make(file, watch, send, is_averaged=is_averaged)
    metrics.start()
    for event in EVENTS:
        metrics.hear(event)
    metrics.close("FINISHED")
    raw = {"val_loss_raw": 2.25} if is_averaged else {}
    assert sent[1] == (
        2, {"train_loss": 3.0, "learning_rate": 0.1, "gradient_norm": 0.5, "chars_per_second": 20.0}
    )  # fmt: skip
    assert sent[3] == (3, {"val_loss": 2.0, "val_bits_per_char": pytest.approx(2.885390), **raw})
    assert sent[4] == (3, {"val_perplexity": pytest.approx(7.389056), "val_accuracy": 0.5})
    assert len(sent) == 5
    assert read_metrics(path)["train_loss"] == [(1, 3.5), (2, 3.0), (3, 2.5)]
    assert list(watch.seconds) == ["checkpoints"], "the rows are brought to the disk before a checkpoint"


@pytest.mark.parametrize(
    ("last", "written"), [("Saving", [1, 2, 3]), ("finish", [1, 2, 3]), ("KILLED", [1, 2, 3]), ("FAILED", [1, 5])]
)
def test_rows_of_a_resumed_run_are_held_until_its_first_own_checkpoint_and_not_sent_before(
    tmp_path: Path, last: str, written: list[int]
) -> None:
    """The session goes on from step 1; an earlier one, which was killed, has left a row of step 5."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "train_loss": 9.0}\n{"step": 5, "train_loss": 8.0}\n')
    before, sent = path.read_bytes(), list[int]()
    metrics = make(MetricsFile(path, last_step=1), Stopwatch(), lambda step, _: sent.append(step), is_resumed=True)
    metrics.start()
    for event in STEPS[1:]:
        metrics.hear(event)
    assert (path.read_bytes(), sent) == (before, [])
    match last:
        case "Saving":
            metrics.hear(Saving())
        case "finish":
            metrics.finish()
    metrics.close(last if last in ("KILLED", "FAILED") else "FINISHED")
    assert [step for step, _ in read_metrics(path)["train_loss"]] == written
    assert sent == [step for step in written if step in (2, 3)]
