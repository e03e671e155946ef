"""The recipes of conf/recipe/: each composes and takes a step; its figures in docs/results.md are those of its runs."""

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.schema import Config
from tests.conftest import slow_after

RECIPES = sorted(path.stem for path in (find_conf_folder() / "recipe").glob("*.yaml"))
SMALL = (
    "model.hidden_size=8", "model.embedding_dim=4", "training.max_steps=1", "sampling.length=5",
    "sampling.num_samples=1", "tracking=none",
)  # fmt: skip
DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"^\| `recipe=(\w+)` \|(.+)\|$", re.MULTILINE)


def compose_recipe(name: str, *words: str) -> Config:
    """Return the settings of a recipe on a small text, if its own comes from the network."""
    is_far = compose(f"recipe={name}").dataset.source.name == "network"
    text = ("dataset=stdlib", "dataset.max_bytes=200000") if is_far else ()
    return compose(f"recipe={name}", *text, *words)


@pytest.mark.parametrize("name", slow_after(1, RECIPES))
def test_a_recipe_takes_a_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    summary = run(compose_recipe(name, *SMALL)).summary
    assert (summary.status, summary.step) == ("FINISHED", 1)


def find_rows() -> dict[str, list[str]]:
    """Return the cells of each recipe in the table of docs/results.md."""
    found = ROW.findall((DOCS / "results.md").read_text(encoding="ascii"))
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


def read_summaries(name: str) -> list[dict[str, Any]]:
    """Return the summary.json of each seed, in order."""
    paths = sorted((DOCS / "results").glob(f"{name}/seed_*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("name", find_rows())
def test_a_figure_is_that_of_the_runs(name: str) -> None:
    assert name in RECIPES
    command, val_loss, test_loss, seconds, _ = find_rows()[name]
    summaries = read_summaries(name)
    assert all(each["status"] == "FINISHED" for each in summaries)
    assert f"recipe={name}" in command
    assert val_loss == show_mean([each["val_loss"] for each in summaries])
    losses = [each["test_loss"] for each in summaries]
    assert test_loss == ("-" if losses[0] is None else show_mean(losses))
    assert seconds == f"{statistics.mean(each['seconds'] for each in summaries):.0f}"


def show_mean(values: list[float]) -> str:
    """Return mean and sample standard deviation, as docs/results.md has them."""
    deviation = f" +- {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"
