"""Samples of compared runs as text."""

from pathlib import Path

import pytest

from charrnn_exp.api import RunResult
from charrnn_exp.run_folder.overview import read_overview
from charrnn_exp.sweeps.comparison.entries import read_entry
from charrnn_exp.sweeps.comparison.samples import read_sample
from tests.sweeps.comparison.runs import Made, make_run

TEXT = "caf\u00e9"


@pytest.mark.parametrize(("unit", "written"), [("byte", "cp1252"), ("char", "utf-8")])
def test_a_sample_is_read_in_the_encoding_that_its_model_writes(tmp_path: Path, unit: str, written: str) -> None:
    words = [f"dataset.unit={unit}", "dataset.encoding=cp1252"]
    folder = make_run(tmp_path / "run", Made(words=words, sample="?"))
    (folder.samples / "step_10.txt").write_bytes(TEXT.encode(written))
    assert read_sample(read_entry(read_overview(folder))) == TEXT
    assert RunResult(folder.path, folder.read_config(), folder.read_summary()).sample == TEXT


def test_an_encoding_that_nobody_knows_is_no_error_of_the_page(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", Made(words=["dataset.unit=byte", "dataset.encoding=cp1252"], sample="a"))
    folder.config.write_text(folder.config.read_text().replace("cp1252", "nonsense"))
    assert read_sample(read_entry(read_overview(folder))) == ""
