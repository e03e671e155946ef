"""Compiled functions of earlier runs: taken when they are ours and whole, else deleted."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn_exp.machine import compiled_cache
from charrnn_exp.machine.compiled_cache import SWITCH, compiled_earlier, find_folder, seal_compiled

PROGRAM = """
import sys
from charrnn_exp.machine.compiled_cache import find_folder, seal_compiled
from charrnn_exp.machine.tensorflow import import_tensorflow

import_tensorflow(1)
import tensorflow as tf

double = tf.function(lambda x: tf.sin(x) * 2 + 1, jit_compile=True, autograph=False)
print(double(tf.range(3.0)).numpy().tobytes().hex())
print(sorted((path.name, path.stat().st_ino) for path in find_folder().iterdir()))
seal_compiled()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, opened, with a sealed file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setattr(compiled_cache, "_opened", [])
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    with compiled_earlier():
        assert "compiled" in os.environ["TF_XLA_FLAGS"]
    (opened,) = compiled_cache._opened
    (opened / "a.pb").write_bytes(b"code")
    seal_compiled()
    return opened


def reopen() -> list[str] | None:
    """Return the names of what XLA is let into; None: it is let into nothing."""
    folder = find_folder()
    with compiled_earlier():
        is_used = folder is not None and str(folder) in os.environ.get("TF_XLA_FLAGS", "")
        return sorted(path.name for path in folder.iterdir()) if folder is not None and is_used else None


@pytest.mark.slow
def test_a_second_run_takes_what_the_first_has_compiled(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), SWITCH: "on", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TF_XLA_FLAGS", None)
    said = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    (first, made), (second, found) = said
    assert first == second
    assert "xla_compile_cache" in made
    assert made.strip("[]") in found, "not written again, which would give another number"


def test_what_is_sealed_stays_and_what_is_new_is_dropped(folder: Path) -> None:
    assert (folder / "a.pb.sha256").read_text() == hashlib.sha256(b"code").hexdigest()
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    (folder / "b.pb").write_bytes(b"left by a run that was killed")
    assert reopen() == ["a.pb", "a.pb.sha256"]


def link(path: Path) -> None:
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit flipped": lambda path: path.write_bytes(b"codf"),
    "emptied": lambda path: path.write_bytes(b""),
    "others may write it": lambda path: path.chmod(0o666),
    "a link": link,
    "without seal": lambda path: path.with_name("a.pb.sha256").unlink(),
    "another seal": lambda path: path.with_name("a.pb.sha256").write_text("0" * 64),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_or_foreign_is_deleted(folder: Path, damage: str) -> None:
    DAMAGES[damage](folder / "a.pb")
    assert reopen() == []


def test_a_folder_that_others_may_enter_is_not_used(folder: Path) -> None:
    folder.chmod(0o755)
    assert reopen() is None
    folder.chmod(0o700)
    folder.parent.chmod(0o750)
    assert reopen() is None


def test_a_link_for_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert reopen() is None


def test_a_file_for_the_folder_and_a_switch_are_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "off")
    assert reopen() is None
    monkeypatch.setenv(SWITCH, "on")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("a file")
    assert reopen() is None


@pytest.mark.parametrize("place", ["run", "checkout", "data"])
def test_it_lies_in_no_folder_that_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv(SWITCH, "on")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a" / "cache"))
    assert find_folder() is not None
    match place:
        case "run":
            (tmp_path / "a").mkdir()
            (tmp_path / "a" / "config.yaml").touch()
        case "checkout":
            (tmp_path / "src" / "charrnn_exp").mkdir(parents=True)
        case _:
            monkeypatch.setenv("CHARRNN_DATA_DIR", str(tmp_path / "a"))
    assert find_folder() is None


def test_the_oldest_code_goes_when_there_is_too_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_BYTES", 10)
    for number, name in enumerate(("b.pb", "c.pb")):
        (folder / name).write_bytes(b"more")
        os.utime(folder / name, (10**9 + number, 10**9 + number))
    seal_compiled()
    assert reopen() == ["a.pb", "a.pb.sha256", "c.pb", "c.pb.sha256"]


def test_other_flags_and_processors_have_folders_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=AVX2")
    other = find_folder()
    monkeypatch.setattr(compiled_cache, "read_cpu_flags", lambda _: {"avx2"})
    assert len({folder, other, find_folder()}) == 3
