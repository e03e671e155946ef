"""Checkpoints are plain arrays with a manifest; a kill at any moment leaves the last one whole."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.config.resumable import RESUMABLE_MODEL
from charrnn_exp.errors import MachineError, UserError, one_line
from charrnn_exp.files import sync_folder, write_durably
from charrnn_exp.run_folder import versions
from charrnn_exp.run_folder.arrays import Arrays, to_npz
from charrnn_exp.run_folder.checkpoint import FORMAT, MANIFEST, TRAINING, WEIGHTS, Checkpoint, Snapshot, hash_manifest

REPLACED, PRUNED = "replaced", "pruned"
"""Why a checkpoint was hidden: another of its step takes its place, or there were too many."""
NAME = re.compile(r"step_[0-9]{10,18}")
SAME_FACTS = ("model", "optimizer", "vocabulary_sha256", "dataset")
"""Facts that must be equal for a run to resume from a checkpoint."""
ARITHMETIC_FACTS = ("precision", "machine", "versions")
"""Facts whose change may move the last digits of later numbers."""


class CheckpointStore:
    """The `checkpoints/` folder of a run.

    Args:
        folder: made when the first checkpoint is saved.
        facts: written into every manifest: model, text, machine and versions that the arrays do not show.
        num_rolling: number of newest checkpoints that stay besides kept ones and the best.
    """

    def __init__(self, folder: Path, *, facts: dict[str, Any], num_rolling: int) -> None:
        self.folder = folder
        self._facts = facts
        self._num_rolling = num_rolling
        self._abandoned_after: int | None = None
        """See `go_back`."""

    def find_all(self) -> list[Checkpoint]:
        """Return the checkpoints, oldest first.

        Raises:
            OSError: if the folder cannot be read, which `glob` would take for an empty one.
        """
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [Checkpoint(path) for path in paths if NAME.fullmatch(path.name) and path.is_dir()]

    def best_step(self) -> int | None:
        """Return the step of the best checkpoint by the newest readable manifest; None before a validation.

        Raises:
            OSError: if the folder cannot be read.
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

    def save(self, snapshot: Snapshot, *, kept: bool, resume_from: int | None = None) -> None:
        """Write a checkpoint, then delete rolling ones beyond `num_rolling`.

        The files are made in memory, written to a hidden folder, synced and renamed; then the parent is synced. So at
        every moment either the old checkpoints alone are there, or the new one too, whole. A checkpoint of the same
        step with other arrays is hidden first; if the write is interrupted, `load_newest` restores it.

        Args:
            snapshot: of the training state.
            kept: whether it is never deleted.
            resume_from: step of the checkpoint that `find_resume_point` takes in its place, because the training
                diverged right after this one; 0: none. Then nothing is deleted. None: it did not diverge.

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
            **({} if resume_from is None else {"resume_from": resume_from}),
            **self._facts,
        }
        manifest["sha256"] = hash_manifest(manifest)
        files[MANIFEST] = memoryview((json.dumps(manifest, indent=2) + "\n").encode())
        target = self.folder / _folder_name(snapshot.step)
        try:
            self._delete_abandoned()
            self._write_folder(target, files)
            if snapshot.best_step:
                self._write_best(snapshot.best_step)
            if resume_from is None:
                self._prune()
        except OSError as error:
            shutil.rmtree(_hidden(target, str(os.getpid())), ignore_errors=True)  # half of it takes space
            where = f" at {error.filename}" if error.filename else ""
            raise MachineError(
                f"cannot write checkpoint {target} ({error.strerror}{where}): free some space or mend the folder, "
                "then resume from the checkpoint before it."
            ) from error

    def load_newest(self) -> tuple[Checkpoint, Arrays, Arrays, list[str]]:
        """Return the newest whole checkpoint, its arrays, and a line for each damaged one skipped.

        Raises:
            MachineError: if none is whole.
        """
        self.bring_back()
        return self.read_newest(self.find_all())

    def read_newest(self, candidates: Sequence[Checkpoint]) -> tuple[Checkpoint, Arrays, Arrays, list[str]]:
        """Return what `load_newest` does, of some checkpoints, oldest first."""
        warnings: list[str] = []
        for checkpoint in reversed(candidates):
            try:
                return checkpoint, checkpoint.read(WEIGHTS), checkpoint.read(TRAINING), warnings
            except (MachineError, OSError) as error:
                warnings.append(f"{one_line(error)} Using the previous checkpoint.")
        raise MachineError(
            f"no whole checkpoint in {self.folder}: restore one from a copy, or start a new run.", *warnings
        )

    def find_hidden(self) -> list[Checkpoint]:
        """Return the checkpoints that `bring_back` would bring back."""
        return [
            Checkpoint(path)
            for path in sorted(self.folder.glob(f".step_*.{REPLACED}"))
            if NAME.fullmatch(name := path.name[1:].partition(".")[0]) and not (self.folder / name).exists()
        ]

    def go_back(self, step: int) -> None:
        """Let the next `save` first delete the checkpoints after a step: the run goes on from there another way."""
        self._abandoned_after = step

    def _delete_abandoned(self) -> None:
        """Delete the checkpoints after the one that the run has gone back to."""
        if self._abandoned_after is None:
            return
        for checkpoint in reversed(self.find_all()):
            if checkpoint.step > self._abandoned_after:
                _hide(checkpoint.folder, PRUNED)
        self._abandoned_after = None

    def bring_back(self) -> None:
        """Rename a hidden checkpoint back where a kill interrupted its replacement."""
        for hidden in self.folder.glob(f".step_*.{REPLACED}"):
            target = hidden.with_name(hidden.name.removeprefix(".").removesuffix(f".{REPLACED}"))
            if NAME.fullmatch(target.name) and not target.exists():
                with contextlib.suppress(OSError):  # a folder that is only read needs no mending
                    hidden.rename(target)

    def check_facts(self, checkpoint: Checkpoint) -> None:
        """Compare model, optimizer, vocabulary and text of a checkpoint with those of this run.

        The dropout of the model may differ, which a resume may change. A model of older settings is compared by their
        meaning then, which is found from the model's settings alone.

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
            if name in self._facts and _drop_changeable(manifest.get(name)) != _drop_changeable(self._facts[name])
        ]
        if problems:
            raise UserError(*problems)

    def check_newest(self) -> None:
        """Compare the facts of the newest checkpoint that has a readable manifest; without one do nothing.

        Raises:
            UserError: as for `check_facts`.
        """
        for checkpoint in reversed(self.find_all()):
            with contextlib.suppress(MachineError):
                self.check_facts(checkpoint)
                return

    def find_changes(self, checkpoint: Checkpoint) -> list[str]:
        """Return a line for each fact of the arithmetic that has changed since the checkpoint."""
        manifest, lines = checkpoint.read_manifest(), []
        if (numerics := manifest.get("numerics", 1)) != versions.NUMERICS:
            lines.append(
                f"checkpoint {checkpoint.folder.name} is of numerics version {numerics}, this program of "
                f"{versions.NUMERICS}: the run goes on with the arithmetic of this program."
            )
        for fact in ARITHMETIC_FACTS:
            then, now = manifest.get(fact), self._facts.get(fact)
            pairs = (
                [(f"{fact}.{key}", then.get(key), now.get(key)) for key in sorted({*then, *now})]
                if isinstance(then, dict) and isinstance(now, dict)
                else [(fact, then, now)]
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
            # An earlier session made the same arrays before it fell back: only the manifest may be new.
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

    def _write_best(self, step: int) -> None:
        """Write best.json, which no program reads: a kill may have left it older than the manifests."""
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


def _drop_changeable(fact: Any) -> Any:
    """Return a fact without the settings of the model that a resume may change."""
    return {k: v for k, v in fact.items() if k not in RESUMABLE_MODEL} if isinstance(fact, dict) else fact


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
    """Rename a checkpoint: a kill while its files go one by one would leave half of it under a valid name."""
    hidden = _hidden(folder, why)
    shutil.rmtree(hidden, ignore_errors=True)
    folder.rename(hidden)
