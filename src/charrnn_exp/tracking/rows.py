"""The rows of `metrics.jsonl` as MLflow gets them: which of them, and each value's name and step there.

MLflow's page makes a section of the names with the same word before a slash, with the names without a slash in a
section of their own. It draws a value at step 0 as a bar and every other curve as a line, also one of a single point.
"""

from collections.abc import Iterable, Iterator, Mapping, Set

SECTIONS = {
    "train_loss": "",
    "val_loss": "",
    "learning_rate": "updates/",
    "gradient_norm": "updates/",
    "chars_per_second": "updates/",
    "val_bits_per_char": "validation/",
    "val_loss_raw": "validation/",
}
"""Section by curve; the others are scores."""
SCORES = "scores/"
"""Section of the scores after the last step, which a run has once; their step in MLflow is 0."""

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


def find_place(name: str, step: int, *, has_sections: bool = True) -> tuple[str, int]:
    """Return name and step of a value in MLflow.

    Args:
        name: of the metric in `metrics.jsonl`.
        step: there.
        has_sections: see `has_sections`.

    >>> find_place("gradient_norm", 7), find_place("test_loss", 7)
    (('updates/gradient_norm', 7), ('scores/test_loss', 0))
    """
    if not has_sections:
        return name, step
    return (f"{SECTIONS[name]}{name}", step) if name in SECTIONS else (f"{SCORES}{name}", 0)


def has_sections(names: Set[str]) -> bool:
    """Return whether a run with these metrics in MLflow has sections; one that an older program began has none.

    >>> has_sections({"train_loss", "learning_rate"}), has_sections({"train_loss", "system/memory"})
    (False, True)
    """
    return all("/" in name or SECTIONS.get(name) == "" for name in names)
