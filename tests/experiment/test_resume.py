"""A resume that is refused or fails leaves the run as it was."""

import hashlib
from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.cli import main
from charrnn_exp.run_folder.folder import RunFolder
from tests.conftest import SMALL


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of one update on a text of its own."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 20)
    words = ["dataset=file", "dataset.path=text.txt", "training.max_steps=1", "optimizer.warmup_steps=0"]
    return run(compose(*SMALL, *words)).folder


def hash_files(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_resume_on_another_text_is_refused_and_leaves_every_byte(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = hash_files(folder)
    with Path("text.txt").open("a") as text:
        text.write("\u00e9")
    assert main(["resume", "training.max_steps=2"]) == 2
    assert "must be of the same vocabulary_sha256" in capsys.readouterr().err
    assert hash_files(folder) == found


def test_a_resume_without_a_whole_checkpoint_keeps_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.glob("checkpoints/*/weights.npz"):
        path.write_bytes(b"damaged")
    found = hash_files(folder)
    assert main(["resume", "training.max_steps=2"]) == 3
    assert "no whole checkpoint" in capsys.readouterr().err
    changed = {name for name, digest in hash_files(folder).items() if found.get(name) != digest}
    assert changed <= {"run.log", ".lock"}


def test_after_a_resume_the_name_is_the_one_it_had_and_the_log_holds_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 20)
    words = ["dataset=file", "dataset.path=text.txt", "training.max_steps=1", "optimizer.warmup_steps=0"]
    ended = run(compose(*SMALL, *words), run_name="my run")
    assert main(["resume", "training.max_steps=2"]) == 0
    summary = RunFolder(ended.folder).read_summary()
    assert (ended.summary.name, summary.name, ended.summary.num_sessions, summary.num_sessions) == (
        "my run", "my run", 1, 2,
    )  # fmt: skip
    log = (ended.folder / "run.log").read_text()
    said = [line for line in capsys.readouterr().out.splitlines() if line]
    assert [line for line in said if line not in log] == []
    assert len(said) > 20
