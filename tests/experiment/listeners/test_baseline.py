"""The n-gram baseline of a run."""

from typing import Any

import pytest

from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.evaluation.baseline.ngram import measure_ngram_loss
from charrnn_exp.experiment.listeners.baseline import Baseline
from tests.experiment.listeners.events import STEPS


@pytest.mark.parametrize("steps", [STEPS, []])
def test_the_baseline_is_counted_once_also_where_no_update_was_left(compose: Any, steps: list[Any]) -> None:
    text = prepare_text(compose("dataset.max_bytes=900"))
    baseline = Baseline(text, known=None)
    for event in steps:
        baseline.hear(event)
    assert text.splits.val_n is not None
    expected = measure_ngram_loss(text.splits.train_n, text.splits.val_n, num_symbols=len(text.corpus.vocabulary))
    assert baseline.wait_for_loss() == baseline.find_loss() == pytest.approx(expected)
    baseline.close("FINISHED")


def test_a_run_without_validation_text_has_none_and_a_known_one_is_kept(compose: Any) -> None:
    text = prepare_text(compose("dataset.max_bytes=900", "dataset.split=none"))
    for known in (None, 2.5):
        baseline = Baseline(text, known)
        baseline.hear(STEPS[0])
        assert baseline.wait_for_loss() == baseline.find_loss() == known
        baseline.close("FINISHED")


class Counted:
    """Has counted for several runs."""

    def find_loss(self, *, wait: bool) -> float:
        return 1.5

    def stop(self) -> None:
        pass


def test_a_run_takes_what_is_counted_for_several(compose: Any) -> None:
    shared: Any = Counted()
    baseline = Baseline(prepare_text(compose("dataset.max_bytes=900")), None, shared)
    for event in STEPS:
        baseline.hear(event)
    assert baseline.wait_for_loss() == baseline.find_loss() == 1.5
    baseline.close("FINISHED")
