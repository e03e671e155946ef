"""What XLA has compiled for earlier runs of this user: machine code, so it is taken from one folder alone, on no trust.

The folder lies in a cache folder of its own, by a key of all that the code depends on. It and all its files belong to
this user alone; the name of each file ends in a sha256 of its bytes and of the folder it was made for, and what has
another, such as a copy from elsewhere, is deleted. A process reads and writes in a folder of its own (a session, in the
temporary folder), with copies of what was whole, and hands on what it has compiled at its end. So no process takes what
another has not finished, none misses what another deletes, and the state of the cache folder ends no run.
CHARRNN_COMPILED=off switches it off.
"""

import atexit
import fcntl
import hashlib
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from charrnn_exp.machine.compiled import CACHE, VARIABLE, compiled_functions_in
from charrnn_exp.machine.precision import CPU_INFO, read_cpu_flags

SWITCH = "CHARRNN_COMPILED"
"""off: nothing is read or written."""
FLAGS = ("XLA_FLAGS", "TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA")
"""Variables that change what XLA compiles."""
CODE = ".pb"
MAX_BYTES = 32 << 20
"""Of the code of a key; that of one shape of model and batch is half a megabyte. What was made first goes first."""
KEPT_DAYS = 60
"""After which the folder of a key that no process has used goes: of other versions, flags, threads."""
SESSION = "charrnn_exp_compiled_"
STALE_SECONDS = 3_600.0
"""After which a file that was not finished is nobody's."""
FREE_BYTES = 4 << 20
"""That must be free: TensorFlow ends a run that cannot write there."""


@dataclass(frozen=True)
class _Session:
    """A process that uses the folder.

    Args:
        private: folder that XLA reads and writes.
        folder: of the key, that the next processes read.
        threads: of kernels, which the code is cut for.
        pid: of the process; its forks hand nothing on.
        known: names of the files that came from the folder or were handed on.
    """

    private: Path
    folder: Path
    threads: int
    pid: int = field(default_factory=os.getpid)
    known: set[str] = field(default_factory=set)


_sessions: list[_Session] = []
"""That of this process, if it has one."""


@contextmanager
def compiled_earlier(threads: int) -> Iterator[None]:
    """Let TensorFlow, which is imported in the block, take from the user's folder what earlier runs have compiled.

    Where the folder cannot be had, is not this user's alone, or is switched off, all is compiled as ever.

    Args:
        threads: that its kernels will have.
    """
    session = None if CACHE in os.environ.get(VARIABLE, "") else _open_session(threads)
    if session is None:
        yield
        return
    with compiled_functions_in(str(session.private)) as is_used:
        yield
    if is_used:
        _sessions[:] = [session]
        atexit.register(close_compiled)


def keep_compiled() -> None:
    """Hand on what this process has compiled so far, so that later runs take it."""
    for session in (each for each in _sessions if each.pid == os.getpid()):
        import tensorflow as tf

        if tf.config.threading.get_intra_op_parallelism_threads() not in (0, session.threads):
            continue  # another program has set them: the code is cut for theirs
        for path in (path for path in session.private.glob(f"*{CODE}") if path.name not in session.known):
            with suppress(OSError):
                _hand_on(path, session.folder)
            session.known.add(path.name)


def close_compiled() -> None:
    """Remove the session of this process."""
    for session in (each for each in _sessions if each.pid == os.getpid()):
        shutil.rmtree(session.private, ignore_errors=True)
    _sessions.clear()


def find_folder(threads: int) -> Path | None:
    """Return the folder of this user, processor, versions and threads; None: switched off, or in a wrong place."""
    import platformdirs

    if os.environ.get(SWITCH, "").lower() in ("off", "0", "false"):
        return None
    if not (flags := read_cpu_flags(CPU_INFO)):  # a processor that is not known: code of another one could be taken
        return None
    facts = [version("tensorflow"), platform.machine(), str(threads), *sorted(flags)]
    facts += [os.environ.get(name, "") for name in FLAGS]
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("charrnn_exp_compiled")).resolve() / "xla" / key
    data = os.environ.get("CHARRNN_DATA_DIR")
    is_data = data is not None and folder.is_relative_to(Path(data).resolve())
    return None if is_data or any(map(_is_handed_on, folder.parents)) else folder


def _is_handed_on(folder: Path) -> bool:
    """Return whether a folder is one that people give to others: a run, or a checkout of this program."""
    return os.path.exists(folder / "config.yaml") or os.path.exists(folder / "src" / "charrnn_exp")


def _open_session(threads: int) -> _Session | None:
    """Make the folder, delete what is not known to be ours and whole, and open a session; None: it cannot be had."""
    try:
        temporary = Path(tempfile.gettempdir()).resolve()
        if (folder := find_folder(threads)) is None or not _make(folder) or not _is_safe(temporary / "session"):
            return None
        whole = _tidy(folder)
        session = _Session(Path(tempfile.mkdtemp(prefix=SESSION)), folder, threads)
        try:
            _fill(session, whole)
        except OSError:
            shutil.rmtree(session.private, ignore_errors=True)
            raise
    except OSError:  # a full disk, a file for a folder: compiled functions are not worth an error
        return None
    return session


def _fill(session: _Session, whole: list[Path]) -> None:
    """Lock a session, see that there is room, and copy into it what earlier runs have compiled, the oldest first."""
    # Held until the process and its forks have ended. systemd's cleaner leaves a folder alone that is locked.
    fcntl.flock(os.open(session.private, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    (session.private / "free").write_bytes(bytes(FREE_BYTES))
    (session.private / "free").unlink()
    for path in whole:
        name = path.name.rpartition(".")[0]
        with suppress(FileNotFoundError):  # another process tidies up, too
            shutil.copyfile(path, session.private / name)  # the newest of several that have compiled the same
            session.known.add(name)


def _hand_on(path: Path, folder: Path) -> None:
    with tempfile.NamedTemporaryFile(prefix=".new_", dir=folder, delete=False) as file:  # of mode 0600
        try:
            file.write(path.read_bytes())
            file.flush()
            os.replace(file.name, folder / f"{path.name}.{_hash(path, folder)}")
        except OSError:
            os.unlink(file.name)
            raise


def _make(folder: Path) -> bool:
    """Make the folder; return whether it is this user's alone, and lies where none but this user can exchange it."""
    for each in (folder.parents[1], folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (folder.parent, folder):
        status = each.lstat()
        if not (stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022):
            return False
        each.chmod(0o700)
    return _is_safe(folder.parent)


def _is_safe(path: Path) -> bool:
    """Return whether none but this user can exchange a path. A group of the user's own number is the user alone."""
    for status in (folder.stat() for folder in path.parents):
        is_private_group = status.st_gid == os.getgid() == os.getuid()
        is_writable = status.st_mode & (0o002 if is_private_group else 0o022) and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.getuid()) or is_writable:
            return False
    return True


def _tidy(folder: Path) -> list[Path]:
    """Return the code that is ours and whole, the oldest first.

    All else is deleted, what is too much, sessions of processes that have ended, and keys of long ago.
    """
    left = MAX_BYTES
    whole: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda path: path.lstat().st_mtime, reverse=True):
        with suppress(OSError):  # another process tidies up, too
            left -= path.lstat().st_size
            if left >= 0 and _is_whole(path, folder):
                whole.insert(0, path)
            elif not (path.name.startswith(".new_") and time.time() - path.lstat().st_mtime < STALE_SECONDS):
                path.unlink()
    for private in Path(tempfile.gettempdir()).glob(f"{SESSION}*"):
        with suppress(OSError):
            if private.lstat().st_uid == os.getuid():
                _remove_if_left(private)
    os.utime(folder)
    for other in (each for each in folder.parent.iterdir() if each != folder):
        if time.time() - other.lstat().st_mtime > KEPT_DAYS * 86_400:
            shutil.rmtree(other, ignore_errors=True)
    return whole


def _remove_if_left(private: Path) -> None:
    """Remove a session whose process has ended: its lock can be had."""
    descriptor = os.open(private, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(private, ignore_errors=True)
    finally:
        os.close(descriptor)


def _is_whole(path: Path, folder: Path) -> bool:
    """Return whether a file is a plain one that only this user writes, and has the sha256 that its name ends in."""
    status = path.lstat()
    is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    return is_own and path.name.rpartition(".")[2] == _hash(path, folder)


def _hash(path: Path, folder: Path) -> str:
    return hashlib.sha256(f"{folder.stat().st_ino}\0".encode() + path.read_bytes()).hexdigest()
