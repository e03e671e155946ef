"""`view` on the command line."""

import os
import shutil
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.run_folder.folder import RunFolder
from tests.viewed_run import viewed_run

__all__ = ["viewed_run"]


@pytest.fixture
def here(viewed_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A copy of the run, in a folder that is the current one."""
    shutil.copytree(viewed_run.path.parents[3], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return RunFolder(Path(os.path.relpath(viewed_run.path, viewed_run.path.parents[3])))


def list_pages(folder: Path = Path()) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*.html"))


def test_a_page_lies_in_the_folder_of_its_run_and_its_place_is_printed(
    here: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "kind=card"]) == 0
    assert capsys.readouterr().out == f"{here.views / 'card.html'}\n"
    assert list_pages() == [str(here.views / "card.html")]


def test_out_is_another_folder_which_is_made(here: RunFolder) -> None:
    before = sorted(here.path.rglob("*"))
    assert main(["view", f"run={here.path}", "kind=card", "out=a/b"]) == 0
    assert list_pages() == ["a/b/card.html"]
    assert sorted(here.path.rglob("*")) == before


@pytest.mark.parametrize("place", ["ID", "registered/ID/step_0000000006"])
def test_a_fetched_run_or_model_and_two_runs_stay_as_they_are(here: RunFolder, place: str) -> None:
    fetched = Path("mlruns/fetched", place.replace("ID", "ab" * 16))
    shutil.copytree(here.path, fetched)
    before = sorted(Path("mlruns").rglob("*"))
    assert main(["view", f"run={fetched}", "kind=card"]) == 0
    assert list_pages() == ["card.html"]
    assert main(["view", f"run={here.path},{fetched}", "kind=surprise", "characters=40"]) == 0
    assert list_pages() == ["card.html", "surprise.html"]
    assert sorted(Path("mlruns").rglob("*")) == before
    page = Path("surprise.html").read_text()
    assert (
        f"A: <code>{here.label}</code> and B: <code>{RunFolder(fetched).label}</code>, the first 40 characters" in page
    )


def test_a_file_of_mine_is_read_as_the_text_of_the_run(here: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.txt").write_text("if (x) { it\u00e4 }\n")
    assert main(["view", "kind=surprise", "text=mine.txt"]) == 2
    assert "text must hold only symbols of the training text, got U+00E4" in capsys.readouterr().err
    assert main(["view", "kind=surprise", "text=mine.txt", "unknown=skip"]) == 0
    assert "the first 14 characters of the mine.txt" in (here.views / "surprise.html").read_text()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("kind=cell", "kind must be one or more of surprise, cells, attribution, embedding, growth, card, all, "
         "got 'cell'."),
        ("characters=many", "characters must be a whole number of at least 1, got 'many'."),
        ("open=maybe", "open must be true or false, got 'maybe'."),
        ("split=rest", "split must be one of val, test, train, got 'rest'."),
        ("split=test", "split must be one of the run's splits (val, train by dataset.split=nanogpt), got 'test'."),
        ("split=val|text=a.txt", "split must be left out beside text, got 'val'."),
        ("run=latest,latest", "run must be one run for kind=cells, got two. kind=surprise compares two."),
        ("run=a,b,c", "run must be one run, or two with a comma between them, got 3."),
        ("run=latest,latest|kind=surprise|log=true",
         "log must be false for two runs, got true: their page belongs to neither of them."),
        ("kind=card|log=true", "log must be false for a run that is not in MLflow, got true for {run}. "
         "`python -m charrnn_exp repair` sends a tracked run that is not there yet."),
        ("kind=cells|characters=5", "characters must be in [4,000, 200,000] for kind=cells, got 5."),
        ("kind=cells|text=short.txt", "kind=cells must be given a text of at least 4,000 characters, got 12 "
         "(short.txt). Choose another with text=FILE or split=train."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_no_page(
    here: RunFolder, capsys: pytest.CaptureFixture[str], words: str, line: str
) -> None:
    Path("short.txt").write_text("if (x) { it\n")
    assert main(["view", *words.split("|")]) == 2
    told = line.replace("{run}", str(here.path))
    assert f"charrnn_exp: error: {told}" in capsys.readouterr().err.splitlines()
    assert list_pages() == []


@pytest.mark.skipif(os.geteuid() != 0 and not os.access("/proc", os.R_OK), reason="there is no /proc")
def test_a_folder_that_cannot_be_written_is_the_machines_fault(
    here: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", "kind=card", "out=/proc/none"]) == 3
    assert "cannot write /proc/none/card.html" in capsys.readouterr().err
