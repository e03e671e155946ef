"""Counts of sampled lines by hand."""

import pytest

from charrnn_exp.sampling.novelty import Novelty, count_novelty

LINES = [b"anna", b"bert", b"anna", b"", b"clara", b"bert", b"bert", b"ann"]
TRAINING = [b"bert", b"dora", b"", b"bert", b"annaa", b"clara "]


def test_lines_are_counted_against_the_training_text_as_wholes() -> None:
    """bert stands there, three times drawn, and the empty line; anna, clara and ann do not."""
    novelty = count_novelty(LINES, iter(TRAINING))
    assert novelty == Novelty(num_lines=8, num_distinct=5, num_known=4)
    assert novelty == Novelty(len(LINES), len(set(LINES)), sum(line in TRAINING for line in LINES))
    assert novelty.as_dict() == {"lines": 8, "distinct": 5, "known": 4}
    assert novelty.to_metrics() == pytest.approx({"sample_distinct": 5 / 8, "sample_novel": 0.5})
    assert str(novelty) == "8 sampled lines: 5 distinct, 4 stand in the training text, 4 are new"
