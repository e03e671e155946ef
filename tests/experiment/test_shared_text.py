"""A text that several runs share."""

from pathlib import Path
from typing import Any

import numpy as np

from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.experiment.shared_text import SharedTexts


def test_runs_of_the_same_text_share_it_whatever_else_they_are_set_to(compose: Any) -> None:
    texts = SharedTexts()
    first = texts.find(compose("dataset.max_bytes=900"), may_fork=False)
    assert first is not None
    assert texts.find(compose("dataset.max_bytes=900", "seed=2", "model.hidden_size=9"), may_fork=False) is first
    assert first.ngrams is None
    alone = prepare_text(compose("dataset.max_bytes=900")).corpus
    np.testing.assert_array_equal(first.corpus.ids_n, alone.ids_n)
    assert first.corpus.fingerprint == alone.fingerprint


def test_another_text_split_unit_or_length_of_validation_is_not_shared(compose: Any) -> None:
    texts, base = SharedTexts(), ["dataset.max_bytes=900"]
    first = texts.find(compose(*base), may_fork=False)
    assert first is not None
    assert first.fits(compose(*base, "seed=2"))
    for word in ("dataset.max_bytes=901", "dataset.split=tfds", "dataset.unit=byte", "training.max_val_characters=70"):
        config = compose(*base, word)
        assert not first.fits(config), word
        assert texts.find(config, may_fork=False) is not first, word


def test_a_text_that_cannot_be_read_is_left_to_the_run(compose: Any, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("", encoding="utf-8")
    config = compose("dataset=file", f"dataset.path={tmp_path / 'text.txt'}")
    assert SharedTexts().find(config, may_fork=False) is None
