"""The model of MLflow as MLflow calls it: tables in, tables out, in numbers that JSON has."""

import io
import json

import numpy as np
import pandas
import pytest
from mlflow.pyfunc.scoring_server import predictions_to_json

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.model.network import Network
from charrnn_exp.model.size import SizedModel
from charrnn_exp.sampling.loaded_model import LoadedModel
from charrnn_exp.serving.generation import Generator
from charrnn_exp.serving.mlflow_model import CharRNN
from tests.conftest import compose_small

LEAD = 0xE4
"""A byte that begins a character of three."""


def make_model(small_model: SizedModel, symbols: tuple[int, ...]) -> CharRNN:
    """Return the model of MLflow with an untrained network of some bytes."""
    network = Network(num_symbols=len(symbols), model=small_model, precision="float32", seed=1)
    model = CharRNN()
    model._generator = Generator(LoadedModel("bytes", Vocabulary(Unit.byte, symbols), network), compose_small())
    return model


def test_a_text_without_a_whole_character_has_no_mean(small_model: SizedModel) -> None:
    model = make_model(small_model, (LEAD, LEAD + 1))
    table = model.predict(None, pandas.DataFrame({"prompt": ["", ""]}), {"length": 1})
    assert table.to_dict("records") == [{"text": "", "characters": 0, "loss": None, "losses": "[]"}] * 2


def test_the_mean_is_that_of_the_losses_that_there_are(small_model: SizedModel) -> None:
    symbols = tuple(sorted("\u4f60ab".encode()))
    model = make_model(small_model, symbols)
    prompts = ["\u4f60ab", "\u4f60"]
    table = model.predict(None, pandas.DataFrame({"prompt": prompts}), {"kind": "score"})
    losses = [json.loads(each) for each in table["losses"]]
    assert losses[1] == [None]
    assert [len(each) for each in losses] == [3, 1]
    assert losses[0][0] is None
    assert table["loss"][0] == pytest.approx(np.mean(losses[0][1:]), abs=1e-4)
    written = io.StringIO()
    predictions_to_json(table, written)
    sent = json.loads(written.getvalue(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert [row["loss"] for row in sent["predictions"]] == [pytest.approx(table["loss"][0]), None]


def test_where_all_rows_have_a_mean_it_is_a_column_of_numbers(small_model: SizedModel) -> None:
    table = make_model(small_model, (97, 98)).predict(None, pandas.DataFrame({"prompt": ["ab"]}), {"length": 3})
    assert table["loss"].dtype == np.float64
