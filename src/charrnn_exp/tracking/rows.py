"""The rows of `metrics.jsonl` as MLflow gets them: which of them, and each value's names and step there.

MLflow's page makes a section of the names with the same word before a slash. Sections come in alphabetical order, and
after all of them the names without a slash. A value at step 0 is drawn as a bar, all others as a line, even if it is of
a single point.
"""

from collections.abc import Iterable, Iterator, Mapping, Set

LOSSES = ("train_loss", "val_loss", "test_loss")
"""Metrics that MLflow has by two names: in a section, and by the plain name, which is that of older runs, of searches
and of the columns of its table."""
SECTIONS = {
    "train_loss": "loss/",
    "val_loss": "loss/",
    "learning_rate": "updates/",
    "gradient_norm": "updates/",
    "chars_per_second": "updates/",
    "val_bits_per_char": "validation/",
    "val_loss_raw": "validation/",
}
"""Section by curve; the other metrics are scores."""
SCORES = "scores/"
"""Section of the scores after the last step, which a run has once."""
SCORE_STEP = 0
"""Step of the scores in MLflow; no update has it."""

Row = tuple[int, Mapping[str, float]]
"""Step, values by name."""


class RowPicker:
    """Picks rows one by one: of the updates the first, those at a multiple of `every`, and the last; of the scores the
    last; every validation.

    Args:
        every: steps, at least 1.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._has_first = False
        self._update: Row | None = None
        self._scores: dict[str, Row] = {}

    def take(self, step: int, metrics: Mapping[str, float]) -> list[Row]:
        """Return the row if MLflow gets it by now; the last update and the last scores wait for `finish`."""
        if not SECTIONS.keys() & metrics.keys():
            self._scores |= {name: (step, {name: value}) for name, value in metrics.items()}
            return []
        if "train_loss" not in metrics:
            return [(step, metrics)]
        is_picked = not self._has_first or step % self._every == 0
        self._has_first, self._update = True, None if is_picked else (step, metrics)
        return [(step, metrics)] if is_picked else []

    def finish(self) -> list[Row]:
        """Return the rows that have waited."""
        waiting = [*([] if self._update is None else [self._update]), *self._scores.values()]
        self._update, self._scores = None, {}
        return waiting


def pick_rows(rows: Iterable[Row], every: int) -> Iterator[Row]:
    """Yield the rows that MLflow gets of all.

    >>> rows = [(step, {"train_loss": 1.0}) for step in range(1, 13)]
    >>> [step for step, _ in pick_rows(rows, 5)]
    [1, 5, 10, 12]
    """
    picker = RowPicker(every)
    for row in rows:
        yield from picker.take(*row)
    yield from picker.finish()


def find_places(name: str, step: int, *, has_sections: bool = True) -> list[tuple[str, int]]:
    """Return the names of a value in MLflow, each with its step there.

    Args:
        name: of the metric in `metrics.jsonl`.
        step: there.
        has_sections: see `has_sections`.

    >>> find_places("val_loss", 7), find_places("test_loss", 7)
    ([('val_loss', 7), ('loss/val_loss', 7)], [('test_loss', 0), ('scores/test_loss', 0)])
    """
    if not has_sections:
        return [(name, step)]
    section, step = (SECTIONS[name], step) if name in SECTIONS else (SCORES, SCORE_STEP)
    return [(place, step) for place in (*([name] if name in LOSSES else []), f"{section}{name}")]


def has_sections(names: Set[str]) -> bool:
    """Return whether a run with these metrics in MLflow has sections; one that an older program began has none.

    >>> has_sections({"train_loss", "learning_rate"}), has_sections({"train_loss", "system/memory"})
    (False, True)
    """
    return all("/" in name or name in LOSSES for name in names)
