"""Compiled functions of earlier runs: taken when they are ours and whole, else deleted."""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from charrnn_exp.machine import compiled_cache
from charrnn_exp.machine.compiled_cache import SWITCH, close_compiled, compiled_earlier, find_folder, keep_compiled
from charrnn_exp.machine.tensorflow import find_threads

PROGRAM = """
import sys
from charrnn_exp.machine.compiled_cache import close_compiled, find_folder, keep_compiled
from charrnn_exp.machine.tensorflow import import_tensorflow

threads = int(sys.argv[1])
import_tensorflow(threads)
import tensorflow as tf

double = tf.function(lambda x: tf.sin(x) * 2 + 1, jit_compile=True, autograph=False)
print(double(tf.range(3.0)).numpy().tobytes().hex())
print(sorted(path.stat().st_ino for path in find_folder(threads).iterdir()))
keep_compiled()
close_compiled()
print(sorted(path.name for path in find_folder(threads).iterdir()))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with a whole file, as a process has left it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setattr(compiled_cache, "_sessions", [])
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    session = open_session()
    (session / "a.pb").write_bytes(b"code")
    keep_compiled()
    close_compiled()
    assert not session.exists()
    folder = find_folder(find_threads())
    assert folder is not None
    assert [path.name for path in folder.iterdir()] == [find_sealed(folder).name]
    yield folder
    close_compiled()


def find_sealed(folder: Path) -> Path:
    """Return the path of the whole file: its name tells the bytes and the folder."""
    return folder / f"a.pb.{hashlib.sha256(f'{folder.stat().st_ino}'.encode() + bytes(1) + b'code').hexdigest()}"


def open_session() -> Path:
    """Return the private folder that XLA is let into."""
    with compiled_earlier(find_threads()):
        return Path(os.environ["TF_XLA_FLAGS"].split('"')[1])


def reopen() -> list[str] | None:
    """Return the names of what XLA is let into; None: it is let into nothing."""
    compiled_cache._sessions.clear()
    with compiled_earlier(find_threads()):
        if "TF_XLA_FLAGS" not in os.environ:
            return None
    return sorted(path.name for path in compiled_cache._sessions[0].private.glob("*.pb"))


@pytest.mark.slow
def test_a_second_run_takes_what_the_first_has_compiled_and_one_of_other_threads_does_not(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), SWITCH: "on", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TF_XLA_FLAGS", None)
    said = []
    for threads in ("1", "1", "2"):
        command = [sys.executable, "-P", "-c", PROGRAM, threads]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    first, second, third = said
    assert first[1] == "[]"
    assert second[1] != "[]"
    assert first[0::2] == second[0::2], "the same file: not handed on again under another name"
    assert "xla_compile_cache" in first[2]
    assert first[0] == third[0]
    assert second[1] != third[1]


def test_what_is_handed_on_is_there_for_the_next(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert reopen() == ["a.pb"]
    assert reopen() == ["a.pb"], "beside another process"


def test_two_processes_that_compile_the_same_hand_on_both(folder: Path) -> None:
    sessions = []
    for code in (b"one", b"two"):
        compiled_cache._sessions.clear()
        (open_session() / "b.pb").write_bytes(code)
        sessions += compiled_cache._sessions
    for session in sessions:
        compiled_cache._sessions[:] = [session]
        keep_compiled()
    assert reopen() == ["a.pb", "b.pb"]


def test_code_cut_for_other_threads_is_not_handed_on(folder: Path) -> None:
    with compiled_earlier(find_threads() + 1):
        pass
    (session,) = compiled_cache._sessions
    (session.private / "b.pb").write_bytes(b"more")
    keep_compiled()
    assert not [*session.folder.iterdir()]


def test_a_session_is_removed_when_its_process_has_ended_and_not_before(folder: Path) -> None:
    alive = open_session()
    dead = alive.with_name("charrnn_exp_compiled_dead")
    dead.mkdir()
    (dead / "a.pb").write_bytes(b"half")
    assert reopen() == ["a.pb"]
    assert alive.exists()
    assert not dead.exists()


def turn_into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit flipped": lambda path: path.write_bytes(b"codf"),
    "emptied": lambda path: path.write_bytes(b""),
    "others may write it": lambda path: path.chmod(0o666),
    "a link": link,
    "without sha256": lambda path: path.rename(path.with_name("a.pb")),
    "another sha256": lambda path: path.rename(path.with_name("a.pb." + "0" * 64)),
    "a folder": turn_into_folder,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_or_foreign_is_not_taken(folder: Path, damage: str) -> None:
    DAMAGES[damage](find_sealed(folder))
    assert not reopen()


def test_the_code_of_a_process_with_another_mask_is_taken(folder: Path) -> None:
    before = os.umask(0o002)
    try:
        (open_session() / "b.pb").write_bytes(b"more")
        keep_compiled()
        assert reopen() == ["a.pb", "b.pb"]
    finally:
        os.umask(before)


def test_a_folder_that_others_may_write_in_is_not_used_and_one_that_they_may_read_is_closed(folder: Path) -> None:
    folder.chmod(0o755)
    assert reopen() == ["a.pb"]
    assert folder.stat().st_mode & 0o777 == 0o700
    for each, mode in ((folder, 0o722), (folder.parent, 0o770)):
        each.chmod(mode)
        assert reopen() is None
        each.chmod(0o700)


def test_a_copy_of_the_folder_from_elsewhere_is_not_taken(folder: Path) -> None:
    folder.rename(folder.with_name("there"))
    shutil.copytree(folder.with_name("there"), folder)
    assert reopen() == []


def test_an_unknown_processor_has_no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "read_cpu_flags", lambda _: set())
    assert reopen() is None


def test_a_folder_that_others_may_exchange_is_not_used(folder: Path) -> None:
    for each in (folder.parents[2], Path(tempfile.gettempdir())):
        each.chmod(0o777)
        assert reopen() is None
        each.chmod(0o1777)
        assert reopen() == ["a.pb"]


def test_a_link_for_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert reopen() is None


def test_a_file_for_the_folder_a_switch_and_no_room_are_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "off")
    assert reopen() is None
    monkeypatch.setenv(SWITCH, "on")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        assert reopen() is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for path in folder.iterdir():
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
    folder.write_text("a file")
    assert reopen() is None


@pytest.mark.parametrize("place", ["run", "checkout", "data"])
def test_it_lies_in_no_folder_that_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a" / "cache"))
    assert find_folder(1) is not None
    match place:
        case "run":
            (tmp_path / "a").mkdir()
            (tmp_path / "a" / "config.yaml").touch()
        case "checkout":
            (tmp_path / "src" / "charrnn_exp").mkdir(parents=True)
        case _:
            monkeypatch.setenv("CHARRNN_DATA_DIR", str(tmp_path / "a"))
    assert find_folder(1) is None


def test_the_oldest_code_goes_when_there_is_too_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_BYTES", 10)
    session = open_session()
    for name in ("b.pb", "c.pb"):
        (session / name).write_bytes(b"more")
    keep_compiled()
    for number, name in enumerate(("b.pb", "c.pb")):
        (path,) = folder.glob(f"{name}.*")
        os.utime(path, (10**9 + number, 10**9 + number))
    assert reopen() == ["a.pb", "c.pb"]


def test_a_folder_of_long_ago_goes(folder: Path) -> None:
    os.utime(folder, (10**9, 10**9))
    young, old = folder.with_name("young"), folder.with_name("old")
    for each, days in ((young, 59), (old, 61)):
        each.mkdir()
        (each / "a.pb.0").touch()
        os.utime(each, (time.time() - days * 86_400,) * 2)
    assert reopen() == ["a.pb"]
    assert (young.exists(), old.exists()) == (True, False)
    assert time.time() - folder.stat().st_mtime < 3_600, "reading is use"


def test_other_flags_processors_and_threads_have_folders_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {folder, find_folder(find_threads() + 1)}
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX2")
    found.add(find_folder(find_threads()))
    monkeypatch.setattr(compiled_cache, "read_cpu_flags", lambda _: {"avx2"})
    found.add(find_folder(find_threads()))
    assert len(found) == 4
