"""What a format cannot express is refused by name, with the formats that can."""

import dataclasses
import sys

import pytest

from charrnn_exp.errors import UserError
from charrnn_exp.exporting.formats import FORMATS, MAX_ONNX_WEIGHTS, WRITTEN_OUT, check_format
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.model.size import SizedModel


def refuse(name: str | None, model: SizedModel, num_symbols: int = 7) -> str:
    with pytest.raises(UserError) as caught:
        check_format(name, model, num_symbols=num_symbols)
    (line,) = caught.value.lines
    assert line.startswith("format must be ")
    return line


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_every_cell_that_is_written_out(small_model: SizedModel, name: str) -> None:
    for cell in WRITTEN_OUT:
        assert check_format(name, dataclasses.replace(small_model, cell=cell), num_symbols=7) == name
    assert set(WRITTEN_OUT) <= set(CELLS.built_in)


@pytest.mark.parametrize("name", ["SavedModel", "", None, "pickle"])
def test_an_unknown_format_is_answered_with_all(small_model: SizedModel, name: str | None) -> None:
    line = refuse(name, small_model)
    assert line == f"format must be one of saved_model, keras, npz, onnx, got {name or 'nothing'!r}."


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "saved_model"])
def test_another_cell_is_for_saved_model_alone(small_model: SizedModel, name: str) -> None:
    model = dataclasses.replace(small_model, cell="mingru")
    assert refuse(name, model) == (
        f"format must be saved_model for model.cell=mingru, got {name!r}, which has the cells lstm, gru, rnn alone."
    )
    assert check_format("saved_model", model, num_symbols=7) == "saved_model"


def test_a_graph_beyond_protobuf_is_refused(small_model: SizedModel) -> None:
    model = dataclasses.replace(small_model, hidden_size=12_000)
    assert f"takes at most {MAX_ONNX_WEIGHTS:,}" in refuse("onnx", model)
    assert check_format("npz", model, num_symbols=7) == "npz"


def test_onnx_that_is_not_installed_is_told_with_the_way_to_it(
    small_model: SizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "onnx", raising=False)
    monkeypatch.setattr(sys, "path", [])
    assert refuse("onnx", small_model).endswith('Install it: python -m pip install "charrnn_exp[onnx]"')
