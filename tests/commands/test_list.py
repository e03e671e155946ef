"""`list` shows the runs."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.files import hold_lock
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.overview import read_overview
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.views.runs import format_runs
from tests.conftest import compose_small

SWEEP = "outputs/charrnn/2026-01-02/03-04-05-000006"


PLACES = [*(Path(f"{SWEEP}/{job}") for job in range(11)), Path("outputs/tiny/2026-01-03/00-00-00-000000")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 11 jobs, each with a lower loss than the one before, and a run of another name that is under way."""
    here, config = tmp_path_factory.mktemp("made"), compose_small()
    for i, place in enumerate(PLACES):
        folder, model = RunFolder(here / place), replace(config.model, hidden_size=5 + i)
        named = replace(config, model=model, name=config.name if i < 11 else "tiny")
        folder.create(named, Vocabulary(Unit.char, (10, 97)))
        status = "FINISHED" if i < 11 else "RUNNING"
        folder.write_summary(
            Summary(status=status, step=1000 + i, val_loss=2.0 - i / 10, session_began=1e9 + i, num_sessions=1)
        )
    return here


@pytest.fixture(autouse=True)
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """A copy of the runs in the current folder."""
    monkeypatch.chdir(shutil.copytree(made, tmp_path, dirs_exist_ok=True))
    return [RunFolder(place) for place in PLACES]


def show(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, str]]:
    assert main(["list", *words]) == 0
    header, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_runs_come_with_the_one_worked_on_last_on_top_and_the_settings_that_differ(
    capsys: pytest.CaptureFixture[str], runs: list[RunFolder]
) -> None:
    rows = show(capsys)
    assert [row["folder"] for row in rows] == [str(run.path) for run in reversed(runs)]
    assert list(rows[1].items()) == [
        ("name", "charrnn"), ("status", "FINISHED"), ("step", "1,010"), ("val_loss", "1.0000"),
        ("model.hidden_size", "15"), ("folder", f"{SWEEP}/10"),
    ]  # fmt: skip


def test_filters_choose_by_name_sweep_status_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["name"] for row in show(capsys, "name=tiny")] == ["tiny"]
    assert len(show(capsys, f"name={SWEEP}")) == 11
    assert len(show(capsys, "status=finished")) == 11
    assert [row["folder"] for row in show(capsys, "model.hidden_size=7")] == [f"{SWEEP}/2"]
    assert main(["list", "name=nobody"]) == 0
    assert capsys.readouterr().out == ""


def test_runs_are_sorted_by_any_column_and_backwards(capsys: pytest.CaptureFixture[str]) -> None:
    losses = [float(row["val_loss"]) for row in show(capsys, "sort=val_loss")]
    assert losses == sorted(losses)
    sizes = [int(row["model.hidden_size"]) for row in show(capsys, "sort=-model.hidden_size")]
    assert sizes == list(range(16, 4, -1))


def test_a_run_whose_process_is_gone_died_and_one_that_is_locked_runs(
    capsys: pytest.CaptureFixture[str], runs: list[RunFolder]
) -> None:
    assert [row["status"] for row in show(capsys, "name=tiny")] == ["DIED"]
    with hold_lock(runs[-1].lock_file):
        assert [row["status"] for row in show(capsys, "name=tiny")] == ["RUNNING"]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_on_a_terminal_no_line_is_wider_but_a_folder_and_what_is_left_out_is_named(
    runs: list[RunFolder], width: int
) -> None:
    lines = format_runs([read_overview(run) for run in runs], width).split("\n")
    assert all(len(line) <= width or line.strip().startswith("outputs/") for line in lines)
    assert "val_loss" in lines[0]
    text = "\n".join(lines)
    assert all(str(run.path) in text for run in runs)
    assert all(name in text for name in ("name", "step", "hidden_size"))


@pytest.mark.parametrize("word", ["status=good", "sort=hidden", "sort=", "model.hiden_size=5", "nme=tiny"])
def test_a_word_that_is_none_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", word]) == 2
    assert capsys.readouterr().err.startswith("charrnn_exp: error: ")


def test_a_damaged_run_is_listed_and_no_run_changes(runs: list[RunFolder], capsys: pytest.CaptureFixture[str]) -> None:
    runs[3].config.write_text("[")
    runs[4].summary.write_text("[")
    before = {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()}
    assert len(show(capsys)) == 12
    assert {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()} == before
