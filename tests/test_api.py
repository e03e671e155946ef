"""The Python way in: docs/python.md, run as it stands, and what a run's result says."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.api import RunResult, compose, load, run, runs
from charrnn_exp.config.choices import Precision
from charrnn_exp.errors import UserError
from charrnn_exp.model.weights import build_trained_network, read_weights

PAGE = Path(__file__).parents[1] / "docs/python.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the names of the page stand for after its last block, run in an empty folder."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 9
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
        for name in ("result", "again"):
            names[name] = RunResult(names[name].folder.absolute(), names[name].config, names[name].summary)
    return names


@pytest.mark.slow
def test_the_page_trains_a_model_that_learns(names: dict[str, Any]) -> None:
    result = names["result"]
    losses = [loss for _, loss in result.metrics["train_loss"]]
    losses = losses[: result.summary.step]  # the page goes on with the same run
    assert len(losses) == result.summary.step == 2 * ((20_000 * 9 // 10 - 1) // 8 // 25)
    assert losses[-1] < 0.8 * losses[0]
    assert result.val_loss == dict(result.metrics["val_loss"])[result.summary.step]
    assert len(result.sample) == 1 + 200 + 1  # the prompt, the text, a line break


@pytest.mark.slow
def test_the_page_goes_on_samples_scores_and_calls_the_model(names: dict[str, Any]) -> None:
    longer, result = names["longer"], names["result"]
    assert longer.summary.step == result.summary.step * 3 // 2
    assert repr(longer).splitlines()[1] == f"FINISHED, {longer.summary.step} steps"
    assert len(repr(longer).splitlines()) == len(repr(names["model"]).splitlines()) == 3
    assert names["scores"]["val"].loss == pytest.approx(longer.val_loss, abs=1e-4)
    assert [row["model.hidden_size"] for row in names["table"]] == [8, 16, 32], "the run worked on last is the last"
    assert len(repr(names["table"]).splitlines()) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "atol"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_a_model_called_in_pieces_says_what_it_says_called_at_once(
    names: dict[str, Any], precision: str, atol: float
) -> None:
    # Sums of another length or order may round a state to the neighbour in bfloat16: 0.004 at 1.
    config, vocabulary = names["longer"].config, names["model"].vocabulary
    config = replace(config, training=replace(config.training, precision=Precision[precision]))
    network = build_trained_network(config, read_weights(names["model"].network), vocabulary)
    model, ids = replace(names["model"], network=network), names["model"].encode("def main(")
    whole, _ = model(ids)
    assert whole.shape == (1, len(ids), len(model.vocabulary))
    np.testing.assert_allclose(np.exp(whole).sum(axis=-1), 1.0, atol=1e-12)
    first, state = model(ids[:4])
    second, _ = model(ids[4:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=0, atol=atol)
    both, _ = model(np.stack([ids, ids[::-1]]))
    np.testing.assert_allclose(both[:1], whole, rtol=0, atol=atol)
    np.testing.assert_allclose(names["after"], second[:, -1:], rtol=0, atol=0.05)
    for wrong in ([], [[0.5]], [len(model.vocabulary)], [-1]):
        with pytest.raises(UserError, match="ids must be"):
            model(wrong)
    with pytest.raises(UserError, match="state must be of 2 streams"):
        model(np.stack([ids, ids]), state)


@pytest.mark.slow
def test_the_page_compares_two_sizes(names: dict[str, Any]) -> None:
    assert set(names["by_size"]) == {8, 16}
    assert all(loss > 0.0 for loss in names["by_size"].values())


@pytest.mark.slow
def test_the_page_ranks_its_runs_and_writes_their_page(names: dict[str, Any]) -> None:
    found = names["comparison"]
    assert [len(variant.runs) for group in found.groups for variant in group.variants] == [1, 1, 1]
    assert repr(found).startswith("stdlib, unit char, split nanogpt: 3 runs, 3 variants")
    assert len(found.values["groups"]) == 1


@pytest.mark.slow
def test_a_run_that_is_loaded_is_the_one_that_was_run(names: dict[str, Any]) -> None:
    again = names["again"]
    assert (again.config, again.summary) == (names["result"].config, names["result"].summary)
    assert re.fullmatch(r".*/outputs/notebook/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-\d{6}", str(again.folder))


def test_words_mean_what_they_mean_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/mine.yaml").write_text("# @package _global_\nmodel: {hidden_size: 7}\n")
    config = compose("experiment=mine", "tracking.tags.team=a", "seed=3", config_dir=tmp_path)
    assert (config.model.hidden_size, config.tracking.tags, config.seed) == (7, {"team": "a"}, 3)


def test_a_folder_without_runs_has_an_empty_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert runs() == []
    assert repr(runs()) == "no runs"


def test_mistakes_are_the_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape("unknown setting 'model.hiden_size' - did you mean model.hidden_s")):
        compose("model.hiden_size=3")
    with pytest.raises(UserError, match="training text of at least"):
        run(compose("dataset.max_bytes=100"))
    with pytest.raises(UserError, match="there is no run below"):
        load()
    assert list(tmp_path.iterdir()) == []
