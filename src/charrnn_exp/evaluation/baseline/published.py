"""Published losses of the text, unit and split of a run, never of others."""

import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

FILE = "published.yaml"
SPLIT = ("split", "val_fraction", "test_fraction", "split_streams")
"""Settings of a dataset that choose its parts."""
WHOLE = {"dataset.errors": "strict", "dataset.newlines": "keep", "dataset.lines": False}
"""Settings with which the text of a run is that of its checksum."""
PARTS = {"val": "validation text", "test": "test text"}


@dataclass(frozen=True)
class Published:
    """A published loss.

    Args:
        part: of the text, val or test.
        loss: nats per character.
        model: that reached it.
        source: where it was published.
    """

    part: str
    loss: float
    model: str
    source: str

    @property
    def short(self) -> str:
        """The model and the first words of the source, for a label."""
        return f"{self.model}, {self.source.partition(',')[0]}"

    def __str__(self) -> str:
        """Return the loss in words."""
        return f"{self.loss:.4f} by {self.model} ({self.source})"


def find_published(settings: Mapping[str, Any], sha256: str | None) -> list[Published]:
    """Return the losses that were published for the text, unit and split of a run, by part, the lowest first.

    Args:
        settings: of the run, by dotted key.
        sha256: of the bytes of its text; None: unknown.
    """
    if any(settings.get(key, value) != value for key, value in WHOLE.items()):
        return []
    checksums = {f"sha256:{sha256}"}
    if settings.get("dataset.max_bytes") is None:
        checksums.add(str(settings.get("dataset.checksum")))  # the download was checked by it
    split = {key: settings[name] for key in SPLIT if settings.get(name := f"dataset.{key}") is not None}
    parts = {"test"} if settings.get("training.max_val_characters") is not None else set(PARTS)
    found = [
        Published(each["part"], float(loss), model, each["source"])
        for each in _read_file()
        if each["checksum"] in checksums
        and each["unit"] == settings.get("dataset.unit")
        and each["split"] == split
        and each["part"] in parts
        for model, loss in each["losses"].items()
    ]
    return sorted(found, key=lambda each: ([*PARTS].index(each.part), each.loss))


def find_lowest(published: list[Published]) -> dict[str, Published]:
    """Return the lowest of each part that has one, of the losses of `find_published`."""
    return {each.part: each for each in reversed(published)}


@functools.cache
def _read_file() -> list[dict[str, Any]]:
    file = importlib.resources.files("charrnn_exp.evaluation.baseline") / FILE
    entries: list[dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))
    return entries
