"""Everything about a run's text is done, and fails, before TensorFlow is imported."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.config.choices import Source, Split
from charrnn_exp.config.schema import Config
from charrnn_exp.data.batches import BatchOrder
from charrnn_exp.data.preparation import prepare_text
from charrnn_exp.errors import UserError

TEXT = "to be, or not to be\n" * 5


@pytest.fixture
def config(defaults: Config, tmp_path: Path) -> Config:
    """A run on 100 characters: b, t = 2, 4."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return replace(
        defaults,
        seed=7,
        dataset=replace(defaults.dataset, source=Source.file, path=str(path), max_bytes=None),
        training=replace(defaults.training, batch_size=2, sequence_length=4),
    )


def with_changes(config: Config, group: str, **changes: Any) -> Config:
    return replace(config, **{group: replace(getattr(config, group), **changes)})


def fail(config: Config) -> str:
    with pytest.raises(UserError) as caught:
        prepare_text(config)
    (line,) = caught.value.lines
    return line


def test_a_prepared_text_is_read_split_and_planned_by_its_settings(config: Config) -> None:
    text = prepare_text(with_changes(with_changes(config, "training", shuffle=True), "sampling", prompt="be"))
    symbols = sorted(set(TEXT))
    ids = [symbols.index(symbol) for symbol in TEXT]
    assert text.corpus.ids_n.tolist() == ids
    assert text.splits.val_n is not None
    assert (text.splits.train_n.tolist(), text.splits.val_n.tolist()) == (ids[:90], ids[90:])
    assert isinstance(text.order, BatchOrder)
    assert (text.order.num_characters, text.order.batch_size, text.order.sequence_length) == (90, 2, 4)
    assert (text.order.shuffle, text.order.seed) == (True, 7)
    assert text.prompt_ids_t.tolist() == [symbols.index("b"), symbols.index("e")]


def test_the_batches_hold_training_text_only(config: Config) -> None:
    text = prepare_text(config)
    assert isinstance(text.order, BatchOrder)
    starts_sb = text.order.find_starts(0)
    assert starts_sb.max() + config.training.sequence_length < len(text.splits.train_n)


def test_without_a_split_all_is_training_text(config: Config) -> None:
    text = prepare_text(with_changes(config, "dataset", split=Split.none))
    assert len(text.splits.train_n) == 100
    assert text.splits.val_n is None


def test_preparing_twice_gives_the_same(config: Config) -> None:
    one, two = prepare_text(config), prepare_text(config)
    assert np.array_equal(one.corpus.ids_n, two.corpus.ids_n)
    assert one.corpus.fingerprint == two.corpus.fingerprint
    assert one.order == two.order


def test_a_training_text_too_short_for_a_batch_is_told_before_all_else(config: Config) -> None:
    line = fail(with_changes(config, "training", batch_size=50))
    assert line.startswith("dataset must have a training text of at least 201 characters")
    assert "got 90." in line


def test_a_validation_text_without_a_target_is_told_with_the_way_out(config: Config) -> None:
    Path(str(config.dataset.path)).write_text(TEXT[:10])
    assert fail(config) == (
        "dataset.split=nanogpt must give a validation text of at least 2 characters, got 1 of 10. "
        "Use a longer text or dataset.split=none."
    )
    assert prepare_text(with_changes(config, "dataset", split=Split.none)).order.steps_per_epoch == 1
    Path(str(config.dataset.path)).write_text(TEXT[:11])
    assert len(prepare_text(config).splits.train_n) == 9


def test_a_validation_text_is_cut_to_the_characters_asked_for(config: Config) -> None:
    text = prepare_text(with_changes(config, "training", max_val_characters=3))
    assert [len(split_n) for split_n in (text.splits.train_n, text.splits.val_n) if split_n is not None] == [90, 3]


def test_a_prompt_that_the_text_cannot_read_is_told(config: Config) -> None:
    assert fail(with_changes(config, "sampling", prompt="Caf\u00e9")).startswith(
        "sampling.prompt must hold only symbols of the training text, got U+0043"
    )


def test_preparing_imports_no_tensorflow() -> None:
    code = "import sys, charrnn_exp.data.preparation; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "charrnn_exp" in loaded
    assert loaded.isdisjoint({"tensorflow", "keras", "mlflow", "matplotlib"})
