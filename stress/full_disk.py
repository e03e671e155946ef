"""A disk that fills up while a model trains: one line, exit 3, the last checkpoint whole; with room the run goes on."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from charrnn_exp.errors import MachineError
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from stress.kills import WORDS
from stress.outcome import Outcome
from stress.processes import find_differences, find_duplicates, find_folder, find_folders, in_pairs, run

RUN_WORDS = (*WORDS, "tracking=none", "training.keep_checkpoints=1000")
MIN_KIBIBYTES = 4
ROOM = "100m"


def check(num_cases: int, folder: Path) -> Outcome:
    """Train on a tmpfs that is too small by a size drawn at random; then give it room and resume.

    Needs the right to mount. The sizes lie between nothing and what the whole run takes.
    """
    whole = folder / "whole"
    whole.mkdir()
    assert run([*RUN_WORDS, "name=whole"], whole).returncode == 0
    needed = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) // 1024
    outcome = Outcome(figures={"KiB the whole run takes": needed})
    for case, problems in enumerate(in_pairs(partial(_fill, folder, needed, outcome), range(num_cases))):
        outcome.add(problems, f"case {case}")
    return outcome


@contextmanager
def mount(there: Path, *, size: str) -> Iterator[None]:
    """Mount a tmpfs of this size for a while."""
    there.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(there)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(there)], check=True)
        there.rmdir()


def grow(there: Path) -> None:
    """Give a mounted tmpfs room."""
    subprocess.run(["mount", "-o", f"remount,size={ROOM}", str(there)], check=True)


def _fill(folder: Path, needed: int, outcome: Outcome, case: int) -> list[str]:
    kibibytes = random.Random(case).randrange(MIN_KIBIBYTES, needed - 100)
    there = folder / f"case_{case}"
    with mount(there, size=f"{kibibytes}k"):
        ended = run([*RUN_WORDS, f"name=case{case}"], there)
        problems = [] if ended.returncode == MachineError.exit_code else [f"exit code {ended.returncode}"]
        if len(ended.stderr.splitlines()) != 1 or not ended.stderr.startswith("charrnn_exp: error: "):
            problems.append(f"said {ended.stderr[-400:]!r}")
        if not find_folders(there):
            outcome.count("before there was a run")
            shutil.rmtree(there / "outputs", ignore_errors=True)
            words = [*RUN_WORDS, f"name=case{case}"]
        else:
            run_folder = find_folder(there)
            store = CheckpointStore(run_folder.checkpoints, facts={}, num_rolling=1)
            outcome.count("with checkpoints" if store.find_all() else "before the first checkpoint")
            try:
                problems += store.load_newest()[3] if store.find_all() else []
            except MachineError as error:
                problems.append(str(error))
            status = run_folder.read_summary().status
            # The disk may have no room for the status either; `repair` then finds the run dead.
            problems += [] if status in ("FAILED", "RUNNING", None) else [f"status {status}"]
            outcome.count(f"status {status}")
            words = ["resume", f"run={run_folder.path}"]
        grow(there)
        again = run(words, there)
        if again.returncode or again.stderr:
            problems.append(f"resumed: exit code {again.returncode}: {again.stderr[-300:]}")
        else:
            problems += find_differences(find_folder(there), find_folder(folder / "whole"))
            problems += find_duplicates(find_folder(there))
    return [f"{kibibytes} KiB: {problem}" for problem in problems]
