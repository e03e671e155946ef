"""A small file has the old or the new text, whole, whatever happens in between."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charrnn_exp import files
from charrnn_exp.files import LockHeldError, hold_lock, sync_folder, write_durably

OLD, NEW = "old " * 4001, "new and longer " * 5003


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_code(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a process that has only `files` imported, from its own file: no package, no startup to wait for."""
    load = (
        "import importlib.util as u, os, resource, sys; "
        f"spec = u.spec_from_file_location('files', {files.__file__!r}); "
        "files = u.module_from_spec(spec); spec.loader.exec_module(files); "
        "from pathlib import Path\n"
    )
    return subprocess.Popen([sys.executable, "-S", "-c", load + code, *arguments], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("text", ["", "a", "\uac00\r\n\0\u2028", NEW])
@pytest.mark.parametrize("before", [None, OLD])
def test_a_file_gets_the_new_text_and_nothing_else_stays(tmp_path: Path, before: str | None, text: str) -> None:
    path = tmp_path / "summary.json"
    if before is not None:
        path.write_text(before)
    write_durably(path, text)
    assert path.read_bytes() == text.encode("utf-8")
    assert list_names(tmp_path) == ["summary.json"]


def test_neighbours_are_left_alone(tmp_path: Path) -> None:
    for name in ("summary.json.old", ".summary.json", "other"):
        (tmp_path / name).write_text(OLD)
    write_durably(tmp_path / "summary.json", NEW)
    assert list_names(tmp_path) == [".summary.json", "other", "summary.json", "summary.json.old"]
    assert (tmp_path / ".summary.json").read_text() == OLD


def test_a_full_disk_keeps_the_old_text_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text(OLD)
    writer = run_code(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: files.write_durably(Path(sys.argv[1]), sys.argv[2])\n"
        "except OSError: sys.exit(7)\n",
        str(path),
        NEW,
    )
    writer.communicate(timeout=30)
    assert writer.returncode == 7
    assert path.read_text() == OLD
    assert list_names(tmp_path) == ["summary.json"]


def test_a_place_that_cannot_be_replaced_raises_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(OSError):
        write_durably(tmp_path / "summary.json", NEW)
    assert list_names(tmp_path) == ["summary.json"]


def test_a_missing_folder_raises(tmp_path: Path) -> None:
    for action in (lambda: write_durably(tmp_path / "none" / "a", NEW), lambda: sync_folder(tmp_path / "none")):
        with pytest.raises(FileNotFoundError):
            action()


def test_a_writer_that_is_killed_leaves_the_old_or_the_new_text(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    draw = random.Random(7)
    endless = "i = 0\nwhile True:\n    files.write_durably(Path(sys.argv[1]), sys.argv[2 + i % 2])\n    i += 1\n"
    for _ in range(12):
        path.unlink(missing_ok=True)
        writer = run_code(endless, str(path), OLD, NEW)
        while not path.exists():
            assert writer.poll() is None
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.03))
        writer.kill()
        writer.communicate(timeout=30)
        assert path.read_text() in (OLD, NEW)


def test_a_reader_never_sees_half_a_text(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text(OLD)
    writer = run_code(
        "for i in range(200): files.write_durably(Path(sys.argv[1]), sys.argv[2 + i % 2])\n", str(path), NEW, OLD
    )
    seen = set()
    while writer.poll() is None:
        seen.add(path.read_text())
    assert writer.communicate(timeout=30)[1] == ""
    assert seen <= {OLD, NEW}
    assert NEW in seen


def test_a_lock_is_refused_at_once_to_another_process_and_names_its_holder(tmp_path: Path) -> None:
    code = """
try:
    with files.hold_lock(Path(sys.argv[1])):
        sys.exit("got it")
except files.LockHeldError as error:
    sys.exit(error.holder)
"""
    path = tmp_path / ".lock"
    with hold_lock(path):
        before = time.monotonic()
        assert run_code(code, str(path)).communicate(timeout=20)[1].strip() == str(os.getpid())
        assert time.monotonic() - before < 5
    assert run_code(code, str(path)).communicate(timeout=20)[1].strip() == "got it"


def test_a_lock_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    holder = run_code("import time\nwith files.hold_lock(Path(sys.argv[1])): time.sleep(60)", str(path))
    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_text() == f"{holder.pid}\n") and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(LockHeldError, match=str(holder.pid)), hold_lock(path):
        pass
    holder.kill()
    holder.communicate()
    with hold_lock(path):
        assert path.read_text() == f"{os.getpid()}\n"
