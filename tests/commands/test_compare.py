"""`compare` from the command line."""

import json
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from tests.sweeps.comparison.runs import SWEEP, make_sweep


@pytest.fixture(autouse=True)
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_sweep({16: [1.7, 1.8], 32: [1.6, 1.62]})


def test_without_a_word_it_says_what_it_compares(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare"]) == 0
    captured = capsys.readouterr()
    assert "comparing name=charrnn/2026-01-02/03-04-05-000006" in captured.err
    assert captured.out.startswith("stdlib, unit char, split nanogpt: 4 runs, 2 variants")


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown", "latex", "html"])
def test_every_format_has_both_variants(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", f"run={SWEEP}", f"format={form}"]) == 0
    out = capsys.readouterr().out
    assert "32" in out
    assert "16" in out
    assert form != "json" or len(json.loads(out)["groups"][0]["variants"]) == 2


def test_runs_names_and_the_best_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    for words, runs in (
        ([f"run={SWEEP}/0,{SWEEP}/2"], 2),
        (["name=charrnn"], 4),
        (["best=1"], 2),
        (["name=charrnn", "best=1", "loss=1.65"], 2),
    ):
        assert main(["compare", *words]) == 0
        assert f": {runs} runs, " in capsys.readouterr().out


def test_the_page_is_written_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", f"run={SWEEP}", "page=page.html"]) == 0
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().err.endswith("note: the page is page.html\n")
    for page in ("no/such/page.html", ".", "/"):
        assert main(["compare", f"run={SWEEP}", f"page={page}"]) == 3
        assert f"cannot write page={page} (" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["format=xml"], ["best=0"], ["best=x"], ["loss=0"], ["loss=nan"], ["loss=x"], ["run=nowhere"], ["name=nobody"],
     ["seed=1"], ["colour=red"], ["page="], ["name=''"]],
)  # fmt: skip
def test_a_word_that_is_none_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    assert capsys.readouterr().err.startswith("charrnn_exp: error: ")


def test_no_run_changes(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()}
    assert main(["compare", f"run={SWEEP}", "page=page.html", "loss=1.7"]) == 0
    assert {path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()} == before
