"""The newest checkpoint is damaged on disk: it is passed over with a word, never read as if it were whole."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoint import MANIFEST, TRAINING, WEIGHTS
from stress.outcome import Outcome
from stress.processes import MOVING, find_differences, find_folder, run
from stress.saver import make_arrays, open_store
from stress.saves import save_all

NUM_STEPS = 6
REAL_EVERY = 50

Damage = Callable[[random.Random, Path], None]
"""Damages a checkpoint's folder."""


def check(num_cases: int, folder: Path) -> Outcome:
    """Damage the newest checkpoint in a way drawn at random; read; every 50th time a real run is resumed.

    Right is: the arrays of the checkpoint before, and a warning that names the damaged one. Reading the newest is
    right only where its files are byte for byte what they were.
    """
    base = folder / "base"
    save_all(base, NUM_STEPS)
    trained = folder / "trained"
    trained.mkdir()
    words = [*MOVING, "tracking=none", "training.checkpoint_every_steps=10"]
    if num_cases >= REAL_EVERY:
        assert run(words, trained).returncode == 0
    outcome = Outcome()
    for case in range(num_cases):
        rng = random.Random(case)
        name, damage = rng.choice(list(DAMAGES.items()))
        outcome.count(name)
        if case % REAL_EVERY == REAL_EVERY - 1:
            outcome.count("of these real runs resumed")
            outcome.add(_resume_damaged(trained, folder / "copy", rng, damage), f"case {case}, {name}, resume")
        else:
            outcome.add(_read_damaged(base, folder / "read", rng, damage), f"case {case}, {name}")
    return outcome


def _read_damaged(base: Path, there: Path, rng: random.Random, damage: Damage) -> list[str]:
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(base, there)
    newest = there / f"step_{NUM_STEPS:010d}"
    damage(rng, newest)
    try:
        checkpoint, weights, training, warnings = open_store(there).load_newest()
    except MachineError as error:
        return [f"the one before is whole, got {error}"]
    problems = []
    for found, expected in zip((weights, training), make_arrays(checkpoint.step), strict=True):
        if found.keys() != expected.keys() or any(not np.array_equal(found[key], expected[key]) for key in expected):
            problems.append(f"silently wrong: arrays of step {checkpoint.step} are not those that were saved")
    if not _is_untouched(newest, base / newest.name):
        if checkpoint.step != NUM_STEPS - 1:
            problems.append(f"read step {checkpoint.step}")
        if newest.exists() and (len(warnings) != 1 or newest.name not in warnings[0]):
            problems.append(f"said {warnings}")
    return problems


def _resume_damaged(trained: Path, there: Path, rng: random.Random, damage: Damage) -> list[str]:
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(trained, there)
    copied = find_folder(there)
    newest = sorted(copied.checkpoints.glob("step_*"))[-1]
    damage(rng, newest)
    copied.write_summary(replace(copied.read_summary(), status="KILLED"))
    ended = run(["resume", f"run={copied.path}"], there)
    problems = [] if ended.returncode == 0 else [f"exit code {ended.returncode}: {ended.stderr[-300:]}"]
    if newest.name not in ended.stderr and not _is_untouched(newest, find_folder(trained).checkpoints / newest.name):
        problems.append(f"did not name the damaged checkpoint, said {ended.stderr[-300:]!r}")
    return problems or find_differences(copied, find_folder(trained))


def _is_untouched(newest: Path, original: Path) -> bool:
    contents = [
        {path.name: path.read_bytes() if path.is_file() else None for path in folder.glob("*")}
        for folder in (newest, original)
    ]
    return contents[0] == contents[1]


def _pick(rng: random.Random, newest: Path) -> Path:
    return newest / rng.choice([WEIGHTS, TRAINING, MANIFEST])


def _flip_bit(rng: random.Random, newest: Path) -> None:
    path = _pick(rng, newest)
    raw = bytearray(path.read_bytes())
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    path.write_bytes(raw)


def _overwrite(rng: random.Random, newest: Path) -> None:
    path = _pick(rng, newest)
    raw = bytearray(path.read_bytes())
    start = rng.randrange(len(raw))
    length = min(len(raw) - start, rng.choice([1, 16, 512, 4096]))
    raw[start : start + length] = rng.randbytes(length)
    path.write_bytes(raw)


def _zero_block(rng: random.Random, newest: Path) -> None:
    path = _pick(rng, newest)
    raw = bytearray(path.read_bytes())
    start = rng.randrange(max(1, len(raw) // 512)) * 512
    raw[start : start + 512] = bytes(len(raw[start : start + 512]))
    path.write_bytes(raw)


def _cut(rng: random.Random, newest: Path) -> None:
    path = _pick(rng, newest)
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.randrange(len(raw))])


def _lengthen(rng: random.Random, newest: Path) -> None:
    # Not by spaces alone: those mean nothing in JSON.
    path = _pick(rng, newest)
    path.write_bytes(path.read_bytes() + b"\0" + rng.randbytes(rng.randrange(100)))


def _delete_file(rng: random.Random, newest: Path) -> None:
    _pick(rng, newest).unlink()


def _make_folder(rng: random.Random, newest: Path) -> None:
    path = _pick(rng, newest)
    path.unlink()
    path.mkdir()


def _empty(rng: random.Random, newest: Path) -> None:
    shutil.rmtree(newest)
    newest.mkdir()


def _take_from_older(rng: random.Random, newest: Path) -> None:
    """Put whole files of the checkpoint before in its place: each is valid by itself."""
    older = sorted(newest.parent.glob("step_*"))[-2]
    names = [WEIGHTS, TRAINING, MANIFEST]
    for name in rng.sample(names, rng.randint(1, 3)):
        shutil.copyfile(older / name, newest / name)


def _swap_files(rng: random.Random, newest: Path) -> None:
    one, other = (newest / name for name in rng.sample([WEIGHTS, TRAINING, MANIFEST], 2))
    raw = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(raw)


def _change_manifest(rng: random.Random, newest: Path) -> None:
    """Change one value of the manifest, which stays JSON."""
    path = newest / MANIFEST
    manifest = json.loads(path.read_text())
    key = rng.choice(sorted(manifest))
    manifest[key] = rng.choice([None, -1, 1e300, "", [], {}, {"weights.npz": None}, "../../etc/passwd", True])
    path.write_text(json.dumps(manifest))


DAMAGES: dict[str, Damage] = {
    "bit flipped": _flip_bit,
    "bytes overwritten": _overwrite,
    "block of zeros": _zero_block,
    "cut short": _cut,
    "made longer": _lengthen,
    "file gone": _delete_file,
    "folder for a file": _make_folder,
    "emptied": _empty,
    "files of the one before": _take_from_older,
    "files swapped": _swap_files,
    "manifest changed": _change_manifest,
}
