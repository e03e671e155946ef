"""One checkpoint: plain arrays in a folder, with a manifest of sizes and hashes."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from charrnn_exp.config.checks.training import MAX_THREADS
from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.files import read_json
from charrnn_exp.run_folder.arrays import Arrays, read_npz

FORMAT = 3
MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
TRAINING = "training.npz"
KINDS: dict[str, tuple[type, ...]] = {
    "settings": (int,),
    "numerics": (int,),
    "model": (dict,),
    "best_step": (int, NoneType),
    "best_val_loss": (float, int, NoneType),
    "resume_from": (int, NoneType),
}
"""Types of what a manifest says, where it says it; versions of long ago say less."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A training state as plain numbers, the content of a checkpoint.

    Args:
        step: optimizer updates made.
        epoch: passes completed.
        best_step: step of the lowest validation loss; 0 before the first validation.
        best_val_loss: that loss, nats per character.
        weights: arrays that samples and validation use, by name.
        training: all other arrays, by name.
    """

    step: int
    epoch: int
    best_step: int
    best_val_loss: float
    weights: Arrays
    training: Arrays


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder `step_0000001234`; reading verifies it."""

    folder: Path

    @property
    def step(self) -> int:
        """The step in the name of the folder; names sort by step."""
        return int(self.folder.name.removeprefix(".").removeprefix("step_").partition(".")[0])

    def read_manifest(self) -> dict[str, Any]:
        """Return the manifest.

        Raises:
            MachineError: if it is missing or damaged.
            OSError: if the disk cannot be read.
        """
        try:
            manifest = read_json(self.folder / MANIFEST)
            found, expected = (manifest["format"], manifest["step"]), (FORMAT, self.step)
            written_sha256 = manifest.pop("sha256")
            for key, kinds in KINDS.items():
                if key in manifest and type(manifest[key]) not in kinds:
                    raise ValueError(f"{key} is {type(manifest[key]).__name__}")
        except (FileNotFoundError, IsADirectoryError, ValueError, KeyError) as error:
            raise MachineError(
                f"cannot read the manifest of {self.folder} ({one_line(error)}): it is damaged."
            ) from error
        if found != expected:
            raise MachineError(f"{self.folder / MANIFEST} must be of format and step {expected}, got {found}.")
        if written_sha256 != hash_manifest(manifest):
            raise MachineError(f"{self.folder / MANIFEST} is damaged: its sha256 is not the one written in it.")
        return manifest

    def read_workers(self) -> tuple[int, int] | None:
        """Return the threads and parts that it was made with; None: it does not say, or something that cannot be.

        Raises:
            MachineError: if the manifest is missing or damaged.
            OSError: if the disk cannot be read.
        """
        machine = self.read_manifest().get("machine")
        found = [machine.get("threads"), machine.get("parts", "1")] if isinstance(machine, dict) else []
        numbers = [int(each) for each in found if isinstance(each, str) and re.fullmatch("[0-9]{1,4}", each)]
        if len(numbers) < 2 or not all(1 <= number <= MAX_THREADS for number in numbers):
            return None
        return numbers[0], numbers[1]

    def is_kept(self) -> bool:
        """Return whether the checkpoint is never pruned; False for a damaged one.

        Raises:
            OSError: if the disk cannot be read.
        """
        try:
            return bool(self.read_manifest().get("kept"))
        except MachineError:
            return False

    def read(self, name: str) -> Arrays:
        """Return the arrays of one file, after its size and sha256 are compared with the manifest.

        Raises:
            MachineError: naming the difference.
        """
        try:
            expected = self.read_manifest()["files"][name]
            num_bytes, sha256 = int(expected["bytes"]), str(expected["sha256"])
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise MachineError(
                f"{self.folder / MANIFEST} does not describe {name} ({one_line(error)}): it is damaged."
            ) from error
        return read_npz(self.folder / name, num_bytes=num_bytes, sha256=sha256)


def hash_manifest(manifest: dict[str, Any]) -> str:
    """Return the sha256 of all that a manifest says but this hash itself."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
