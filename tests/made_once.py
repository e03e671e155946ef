"""A folder that the tests of a session share, whatever worker runs them, is made once."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn_exp.run_folder.finding import find_run_folders


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[], None]) -> Path:
    """Return a folder to read from, which `make` has filled as the current one for whoever asked first."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            patch.chdir(folder)
            make()
            done.touch()
    return folder


def find_run_in(folder: Path) -> Path:
    """Return the folder of the one run that was made there."""
    (found,) = find_run_folders(folder / "outputs")
    return found
