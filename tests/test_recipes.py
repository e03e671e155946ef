"""The recipes of conf/recipe/: each composes and takes a step."""

from pathlib import Path

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
