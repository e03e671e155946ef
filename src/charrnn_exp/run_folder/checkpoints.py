"""Checkpoints: plain arrays with a manifest, written so that a kill at any moment leaves the last one whole."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import sync_folder, write_durably
from charrnn_exp.run_folder import versions
from charrnn_exp.run_folder.arrays import Arrays, to_npz
from charrnn_exp.run_folder.checkpoint import FORMAT, MANIFEST, TRAINING, WEIGHTS, Checkpoint, Snapshot, hash_manifest

REPLACED, PRUNED = "replaced", "pruned"
"""Why a checkpoint was hidden: another of its step takes its place, or there were too many."""
NAME = re.compile(r"step_[0-9]{10,18}")
SAME_FACTS = ("model", "optimizer", "vocabulary_sha256", "dataset")
"""Facts without which a checkpoint cannot be gone on from."""
ARITHMETIC_FACTS = ("precision", "machine", "versions")
"""Facts that may move the last digits of the numbers to come."""


class CheckpointStore:
    """The `checkpoints/` folder of a run.

    Args:
        folder: made when the first checkpoint is saved.
        facts: written into every manifest: what the numbers depend on and arrays do not show.
        num_rolling: checkpoints that are neither kept nor best and yet stay.
    """

    def __init__(self, folder: Path, *, facts: dict[str, Any], num_rolling: int) -> None:
        self.folder = folder
        self._facts = facts
        self._num_rolling = num_rolling

    def find_all(self) -> list[Checkpoint]:
        """Return the checkpoints, oldest first.

        Raises:
            OSError: if the disk does not say; `glob` would take a folder that cannot be read for an empty one.
        """
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [Checkpoint(path) for path in paths if NAME.fullmatch(path.name) and path.is_dir()]

    def best_step(self) -> int | None:
        """Return the step of the best checkpoint, as the newest readable manifest tells; None before a validation.

        Raises:
            OSError: if the disk does not say.
        """
        for checkpoint in reversed(self.find_all()):
            with contextlib.suppress(MachineError, KeyError):
                step = checkpoint.read_manifest()["best_step"]
                if step is None or type(step) is int:
                    return step
        return None

    def best_or_newest(self) -> Checkpoint:
        """Return the best checkpoint, or the newest where nothing was validated."""
        best = self.best_step()
        return self.find_all()[-1] if best is None else Checkpoint(self.folder / _folder_name(best))

    def save(self, snapshot: Snapshot, *, kept: bool) -> None:
        """Write a checkpoint, then forget the rolling ones that are too many.

        Serialised in memory, written to a hidden folder, synced, renamed, and the parent synced: at every moment
        either the old checkpoints alone are there, or the new one too, whole. One of the same step with other bytes is
        hidden first; should the new one not get there, `load_newest` brings it back.

        Raises:
            MachineError: if the disk is full or the folder is not writable; the old checkpoints stay.
        """
        files = {WEIGHTS: to_npz(snapshot.weights), TRAINING: to_npz(snapshot.training)}
        manifest = {
            "format": FORMAT,
            "step": snapshot.step,
            "epoch": snapshot.epoch,
            "kept": kept,
            "best_step": snapshot.best_step or None,
            "best_val_loss": snapshot.best_val_loss if snapshot.best_step else None,
            "files": {n: {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()} for n, raw in files.items()},
            "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "settings": versions.SETTINGS,
            "numerics": versions.NUMERICS,
            **self._facts,
        }
        manifest["sha256"] = hash_manifest(manifest)
        files[MANIFEST] = memoryview((json.dumps(manifest, indent=2) + "\n").encode())
        target = self.folder / _folder_name(snapshot.step)
        try:
            self._write_folder(target, files)
            if snapshot.best_step:
                self._tell_best(snapshot.best_step)
            self._prune()
        except OSError as error:
            shutil.rmtree(_hidden(target, str(os.getpid())), ignore_errors=True)  # half of it takes space
            where = f" at {error.filename}" if error.filename else ""
            raise MachineError(
                f"checkpoint {target} must be written, got {error.strerror}{where}. The checkpoints before it are "
                "whole; free some space or mend the folder, then resume."
            ) from error

    def load_newest(self) -> tuple[Checkpoint, Arrays, Arrays, list[str]]:
        """Return the newest checkpoint that is whole, its arrays, and a line for each damaged one passed over.

        Raises:
            MachineError: if none is whole.
        """
        warnings: list[str] = []
        self._bring_back()
        for checkpoint in reversed(self.find_all()):
            try:
                return checkpoint, checkpoint.read(WEIGHTS), checkpoint.read(TRAINING), warnings
            except (MachineError, OSError) as error:
                warnings.append(f"{one_line(error)} Going back to the one before.")
        raise MachineError(f"{self.folder} must hold a whole checkpoint, got none.", *warnings)

    def _bring_back(self) -> None:
        """Give a checkpoint its name back if a kill kept the one that was to replace it from getting there."""
        for hidden in self.folder.glob(f".step_*.{REPLACED}"):
            target = hidden.with_name(hidden.name.removeprefix(".").removesuffix(f".{REPLACED}"))
            if NAME.fullmatch(target.name) and not target.exists():
                with contextlib.suppress(OSError):  # a folder that is only read needs no mending
                    hidden.rename(target)

    def check_facts(self, checkpoint: Checkpoint) -> None:
        """Compare what the checkpoint was made of with this run: model, optimizer, vocabulary, text.

        A model of older settings is compared by their meaning then, which is found from the model's settings alone.

        Raises:
            UserError: with a line for each that differs, both values named.
        """
        manifest = checkpoint.read_manifest()
        model, _ = versions.upgrade({"model": manifest.get("model")}, manifest.get("settings", 1))
        manifest |= model
        problems = [
            f"checkpoint {checkpoint.folder.name} must be of the same {name}, got {manifest.get(name)!r} where "
            f"this run has {self._facts[name]!r}."
            for name in SAME_FACTS
            if name in self._facts and manifest.get(name) != self._facts[name]
        ]
        if problems:
            raise UserError(*problems)

    def find_changes(self, checkpoint: Checkpoint) -> list[str]:
        """Return a line for each fact of the arithmetic that is not what the checkpoint was made with."""
        manifest, lines = checkpoint.read_manifest(), []
        if (numerics := manifest.get("numerics", 1)) != versions.NUMERICS:
            lines.append(
                f"checkpoint {checkpoint.folder.name} is of numerics version {numerics}, this program of "
                f"{versions.NUMERICS}: the run goes on with the arithmetic of this program."
            )
        for fact in ARITHMETIC_FACTS:
            before, now = manifest.get(fact), self._facts.get(fact)
            pairs = (
                [(f"{fact}.{key}", before.get(key), now.get(key)) for key in sorted({*before, *now})]
                if isinstance(before, dict) and isinstance(now, dict)
                else [(fact, before, now)]
            )
            lines += [
                f"checkpoint {checkpoint.folder.name} was made with {name} {old!r}, this process has {new!r}: "
                "the numbers to come may differ in their last digits."
                for name, old, new in pairs
                if old != new
            ]
        return lines

    def _write_folder(self, target: Path, files: dict[str, memoryview]) -> None:
        same_arrays = _holds(target, {name: files[name] for name in (WEIGHTS, TRAINING)})
        if same_arrays and not (target / MANIFEST).is_dir():
            # Made before, by this run until it fell back to an older one: only what the manifest says may be new.
            write_durably(target / MANIFEST, bytes(files[MANIFEST]))
            return
        temporary = _hidden(target, str(os.getpid()))
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, raw in files.items():
            with (temporary / name).open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(temporary)
        if target.exists():
            _hide(target, REPLACED)
        temporary.rename(target)
        sync_folder(self.folder)
        shutil.rmtree(_hidden(target, REPLACED), ignore_errors=True)

    def _tell_best(self, step: int) -> None:
        """Keep best.json true, for those who look into the folder: a kill may have left it behind the manifests."""
        path, text = self.folder / "best.json", json.dumps({"step": step}) + "\n"
        if not path.exists() or path.read_bytes() != text.encode():
            write_durably(path, text)

    def _prune(self) -> None:
        best = self.best_step()
        rolling = [c for c in self.find_all() if c.step != best and not c.is_kept()]
        for checkpoint in rolling[: -self._num_rolling]:
            _hide(checkpoint.folder, PRUNED)
        for leftover in self.folder.glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _folder_name(step: int) -> str:
    return f"step_{step:010d}"


def _holds(folder: Path, files: dict[str, memoryview]) -> bool:
    try:
        return all((folder / name).read_bytes() == raw for name, raw in files.items())
    except OSError:
        return False


def _hidden(folder: Path, why: str) -> Path:
    return folder.with_name(f".{folder.name}.{why}")


def _hide(folder: Path, why: str) -> None:
    """Rename it: files that go one by one would leave half a checkpoint under a good name after a kill."""
    hidden = _hidden(folder, why)
    shutil.rmtree(hidden, ignore_errors=True)
    folder.rename(hidden)
