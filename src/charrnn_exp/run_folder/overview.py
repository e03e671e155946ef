"""One run at a glance: status, losses, settings, text; damaged parts of it are left out."""

import fcntl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from charrnn_exp.config.choices import Split
from charrnn_exp.config.reading import flatten, read_yaml
from charrnn_exp.errors import CharRNNError, MachineError
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.run_folder.versions import SCORED_BY_PARTS, read_versions, upgrade

DIED = "DIED"
"""The status of a run whose process ended without writing one; `repair` makes it KILLED."""
PROTOCOL = (
    "dataset.split",
    "dataset.val_fraction",
    "dataset.test_fraction",
    "dataset.split_streams",
    "dataset.lines",
    "training.max_val_characters",
)
"""Settings that choose the characters of the validation text; fingerprints tell the files apart."""
READ_BY = ("dataset.lines", "dataset.encoding", "dataset.errors", "dataset.newlines")
"""Settings by which a file becomes the symbols of a vocabulary."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One run at a glance.

    Args:
        folder: of the run.
        summary: as it wrote it, empty where it has none.
        status: of the summary; DIED where it says RUNNING and no process works on the run.
        settings: by dotted key, with the meaning that they had for an older run.
        best_val_loss: lowest validation loss by the newest readable checkpoint, nats per character; None: unknown.
        best_step: where it was reached.
        text: the fingerprint of its text and vocabulary by that checkpoint; None: unknown.
        files: the hash of the parts, names, sizes and hashes of a text in several files; None: it is one.
        numerics: version of the arithmetic of that checkpoint.
    """

    folder: RunFolder
    summary: Summary
    status: str | None
    settings: Mapping[str, Any]
    best_val_loss: float | None
    best_step: int | None
    text: tuple[str, str] | None
    files: str | None
    numerics: int

    @property
    def name(self) -> str:
        """The setting `name`."""
        return str(self.settings.get("name", ""))

    @property
    def text_name(self) -> str:
        """The path of the text, or its name."""
        return str(self.settings.get("dataset.path") or self.settings.get("dataset.name"))

    def is_of(self, which: str) -> bool:
        """Return whether the run is of a name, of a folder below outputs/ (a sweep's, or its own), or of a text."""
        folder = which.removeprefix(f"{OUTPUTS}/").rstrip("/")
        in_folder = f"{self.folder.label}/".startswith(f"{folder}/")
        return in_folder or which in (self.name, self.text_name, self.settings.get("dataset.name"))

    @property
    def whole_text(self) -> tuple[Any, ...]:
        """What tells its text from others, with the borders of the files that are its parts."""
        # All files joined may be one text whose border lies elsewhere.
        return self.text, self.files if self.settings.get("dataset.split") == Split.files.name else None

    @property
    def protocol(self) -> tuple[Any, ...]:
        """The text, all that chooses its validation part, and the scoring rule: runs that share it can be compared."""
        has_parts = self.settings.get("dataset.split") in (Split.charrnn.name, Split.karpathy2015.name)
        joins_parts = has_parts and self.numerics < SCORED_BY_PARTS
        return (*self.whole_text, *(self.settings.get(key) for key in PROTOCOL), joins_parts)


def read_overview(folder: RunFolder) -> Overview:
    """Return a run at a glance; its parts that are missing or damaged are empty."""
    summary, settings = Summary(), {}
    with suppress(MachineError):
        summary = folder.read_summary()
    with suppress(CharRNNError):
        settings = flatten(upgrade(read_yaml(folder.config), read_versions(folder.versions).settings)[0])
    manifest = _read_newest_manifest(folder)
    loss, step = manifest.get("best_val_loss"), manifest.get("best_step")
    dataset, vocabulary, numerics = (manifest.get(key) for key in ("dataset", "vocabulary_sha256", "numerics"))
    return Overview(
        folder=folder,
        summary=summary,
        status=DIED if summary.status == "RUNNING" and not _is_in_use(folder) else summary.status,
        settings=settings,
        best_val_loss=loss if isinstance(loss, float) else None,
        best_step=step if isinstance(step, int) else None,
        text=(str(dataset.get("sha256")), str(vocabulary)) if isinstance(dataset, dict) else None,
        files=str(dataset["files_sha256"]) if isinstance(dataset, dict) and "files_sha256" in dataset else None,
        numerics=numerics if isinstance(numerics, int) else 1,
    )


def _read_newest_manifest(folder: RunFolder) -> dict[str, Any]:
    with suppress(OSError):
        for checkpoint in reversed(CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()):
            with suppress(MachineError, OSError):
                return checkpoint.read_manifest()
    return {}


def _is_in_use(folder: RunFolder) -> bool:
    """Return whether a process holds the run's lock; a lock that cannot be asked counts as held."""
    try:
        with folder.lock_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released as the file is closed
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
