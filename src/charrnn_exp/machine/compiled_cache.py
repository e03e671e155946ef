"""What XLA has compiled for earlier runs of this user: machine code, so it is taken from one folder alone, on no trust.

The folder lies below the user's cache folder, by a key of all that the code depends on. It and all its files belong to
this user alone. Beside each file lies its sha256, written by the run that made it, at its end; what has none, or
another, is deleted before XLA looks. CHARRNN_COMPILED=off switches it off.
"""

import hashlib
import os
import platform
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from charrnn_exp.files import write_durably
from charrnn_exp.machine.compiled import CACHE, VARIABLE, compiled_functions_in
from charrnn_exp.machine.precision import CPU_INFO, read_cpu_flags

SWITCH = "CHARRNN_COMPILED"
"""off: nothing is read or written."""
FLAGS = ("XLA_FLAGS", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA")
"""Variables that change what XLA compiles."""
CODE, SEAL = ".pb", ".sha256"
MAX_BYTES = 64 << 20
"""Of all code; that of one shape of model and batch is half a megabyte. What was made first goes first."""
_opened: list[Path] = []
"""The folder that this process takes code from, if it does."""
STALE_SECONDS = 3_600.0
"""After which a file that is neither code nor seal is nobody's: XLA writes under another name before it renames."""


@contextmanager
def compiled_earlier() -> Iterator[None]:
    """Let TensorFlow, which is imported in the block, take from the user's folder what earlier runs have compiled.

    Where the folder cannot be had, is not this user's alone, or is switched off, all is compiled as ever.
    """
    folder = None if CACHE in os.environ.get(VARIABLE, "") else _open_folder()
    if folder is None:
        yield
        return
    with compiled_functions_in(str(folder)):
        yield
    _opened[:] = [folder]


def seal_compiled() -> None:
    """Write the sha256 of each file that has come into the folder since it was opened, so that later runs take it."""
    with suppress(OSError):
        for path in (path for folder in _opened for path in folder.glob(f"*{CODE}")):
            if not _seal_of(path).exists():
                write_durably(_seal_of(path), _hash(path))


def find_folder() -> Path | None:
    """Return the folder of this user, processor and versions; None: switched off, or it would lie in a wrong place."""
    import platformdirs

    if os.environ.get(SWITCH, "").lower() in ("off", "0", "false") or not hasattr(os, "getuid"):
        return None
    facts = [version("tensorflow"), platform.machine(), *sorted(read_cpu_flags(CPU_INFO))]
    facts += [os.environ.get(name, "") for name in FLAGS]
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("charrnn_exp")).resolve() / "compiled" / key
    data = os.environ.get("CHARRNN_DATA_DIR")
    is_data = data is not None and folder.is_relative_to(Path(data).resolve())
    return None if is_data or any(map(_is_handed_on, folder.parents)) else folder


def _is_handed_on(folder: Path) -> bool:
    """Return whether a folder is one that people give to others: a run, or a checkout of this program."""
    return (folder / "config.yaml").exists() or (folder / "src" / "charrnn_exp").exists()


def _open_folder() -> Path | None:
    """Make the folder, delete what is not known to be ours and whole, and return it; None: it cannot be had."""
    folder = find_folder()
    if folder is None:
        return None
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, exist_ok=True)
            status = each.lstat()
            if not (stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077):
                return None
        whole = {path: _is_whole(path) for path in folder.glob(f"*{CODE}")}
        for path in (path for path, is_whole in whole.items() if not is_whole):
            path.unlink()
        _forget_oldest([path for path, is_whole in whole.items() if is_whole])
        for path in folder.iterdir():
            is_nobodys = path.suffix not in (CODE, SEAL) and time.time() - path.lstat().st_mtime > STALE_SECONDS
            if is_nobodys or (path.suffix == SEAL and not path.with_suffix("").exists()):
                path.unlink()
    except OSError:  # a full disk, a folder for a file: compiled functions are not worth an error
        return None
    return folder


def _is_whole(path: Path) -> bool:
    """Return whether a file is a plain one that only this user writes, and has the sha256 that lies beside it."""
    status = path.lstat()
    is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    seal = _seal_of(path)
    return is_own and seal.is_file() and not seal.is_symlink() and seal.read_text() == _hash(path)


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + SEAL)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _forget_oldest(paths: list[Path]) -> None:
    left = MAX_BYTES
    for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
        left -= path.stat().st_size
        if left < 0:
            path.unlink()
