"""Published losses: of the text, unit and split of a run alone, and told wherever the run's own are."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.texts import list_installed_texts
from charrnn_exp.evaluation.baseline.published import PARTS, _read_file, find_lowest, find_published
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.sweeps.comparison.comparison import compare_runs
from charrnn_exp.sweeps.comparison.table import format_comparison
from charrnn_exp.views.report import conclude
from charrnn_exp.views.terminal import Terminal
from tests.conftest import compose_once
from tests.sweeps.comparison.runs import Made, make_run

SHAKESPEARE = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
OTHER = "ab" * 32


def list_settings(*words: str) -> dict[str, Any]:
    return dict(flatten(to_values(compose_once(*words))))


def test_each_entry_is_of_an_installed_text_and_complete() -> None:
    checksums = {each.checksum for each in list_installed_texts()}
    for entry in _read_file():
        assert set(entry) == {"source", "checksum", "unit", "split", "part", "losses"}
        assert entry["checksum"] in checksums
        assert entry["part"] in PARTS
        assert entry["source"]
        for model, loss in entry["losses"].items():
            assert re.fullmatch(r"[A-Za-z].*", model)
            assert 0.5 < loss < 2.5


@pytest.mark.parametrize(
    ("words", "sha256", "counts"),
    [
        (["dataset=shakespeare"], SHAKESPEARE, {"val": 5}),
        (["dataset=file", "dataset.path=x.txt"], SHAKESPEARE, {"val": 5}),
        (["dataset=file", "dataset.path=x.txt"], OTHER, {}),
        (["dataset=file", "dataset.path=x.txt"], None, {}),
        (["dataset=shakespeare", "dataset.split=charrnn"], SHAKESPEARE, {"val": 1}),
        (["dataset=shakespeare", "dataset.split=charrnn", "dataset.split_streams=20"], SHAKESPEARE, {}),
        (["dataset=shakespeare", "dataset.split=torchrnn"], SHAKESPEARE, {}),
        (["dataset=shakespeare", "dataset.unit=byte"], SHAKESPEARE, {}),
        (["dataset=shakespeare", "dataset.newlines=lf"], SHAKESPEARE, {}),
        (["dataset=shakespeare", "dataset.lines=true"], SHAKESPEARE, {}),
        (["dataset=shakespeare", "dataset.max_bytes=1000"], OTHER, {}),
        (["dataset=shakespeare", "training.max_val_characters=1000"], SHAKESPEARE, {}),
        (["dataset=warpeace"], OTHER, {"test": 33}),
        (["dataset=warpeace", "training.max_val_characters=1000"], OTHER, {"test": 33}),
        (["dataset=warpeace", "dataset.max_bytes=1000"], OTHER, {}),
        (["dataset=linux"], OTHER, {}),
        (
            ["dataset=linux", "dataset.unit=byte", "dataset.split=karpathy2015", "dataset.val_fraction=0.05",
             "dataset.test_fraction=0.05"],
            OTHER, {"test": 12},
        ),
    ],
)  # fmt: skip
def test_only_losses_of_the_same_text_unit_and_split_are_found(
    words: list[str], sha256: str | None, counts: dict[str, int]
) -> None:
    found = find_published(list_settings(*words), sha256)
    assert {part: sum(each.part == part for each in found) for part in {each.part for each in found}} == counts
    assert [each.loss for each in found] == sorted(each.loss for each in found)


def test_the_lowest_is_told_in_the_last_lines_and_in_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = f"{PARTS['val']}: 1.4697 by Transformer of 10.65M weights (nanoGPT, README)"
    sentence = f"lowest published loss of this {told}"
    lowest = find_lowest(find_published(list_settings("dataset=shakespeare"), SHAKESPEARE))
    summary = Summary(published={part: asdict(each) for part, each in lowest.items()})
    folder = make_run(Path("outputs/a"), Made(words=["dataset=shakespeare"], text=SHAKESPEARE))
    conclude(Summary.from_json(summary.to_json()), folder, folder.read_config(), Terminal())
    assert sentence in " ".join(capsys.readouterr().out.split())
    make_run(Path("outputs/b"), Made(words=["dataset=shakespeare", "dataset.split=torchrnn"], text=SHAKESPEARE))
    table = format_comparison(compare_runs(), None)
    assert table.count("lowest published loss") == 1
    assert sentence in table
