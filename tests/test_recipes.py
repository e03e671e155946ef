"""The recipes of conf/recipe/: each composes and takes a step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.schema import Config
from tests.conftest import slow_after

RESULTS = Path(__file__).parents[1] / "docs/results"
BENCHMARK = Path(__file__).parents[1] / "benchmarks/recipes.py"
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


def test_the_figures_of_the_recipes_are_those_of_their_runs(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text((RESULTS.with_suffix(".md")).read_text())
    command = [sys.executable, str(BENCHMARK), "--page", str(page)]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert page.read_text() == RESULTS.with_suffix(".md").read_text()
    kept = [json.loads(path.read_text()) for path in RESULTS.glob("*/seed_*.json")]
    assert kept
    assert all(f"{result['summary']['ngram_val_loss']:.4f}" in table for result in kept)
    assert {path.name for path in RESULTS.iterdir()} <= set(RECIPES)


def test_a_row_has_published_losses_and_nano_and_is_of_one_machine(tmp_path: Path) -> None:
    page, folder = tmp_path / "results.md", tmp_path / "results/names"
    page.write_text("<!-- written by benchmarks/recipes.py -->\n<!-- to here -->\n")
    folder.mkdir(parents=True)
    for seed in (1, 2):
        result = json.loads((RESULTS / f"names/seed_{seed}.json").read_text()) | {
            "nano": [(81.4, 1.8857), (82.6, 1.88)]
        }
        result["summary"]["published"] = {"val": {"part": "val", "loss": 1.4697, "model": "Transformer", "source": "a"}}
        (folder / f"seed_{seed}.json").write_text(json.dumps(result))
    command = [sys.executable, str(BENCHMARK), "--page", str(page), "--results", str(folder.parent)]
    subprocess.run(command, check=True)
    assert page.read_text().splitlines()[3].endswith("| 1.4978 | val 1.4697 | 81 s, 1.8857; 83 s, 1.8800 |")
    result["machine"]["cores"] = "4"
    (folder / "seed_2.json").write_text(json.dumps(result))
    before = page.read_bytes()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "the seeds of names must be of one machine and one command: run them together.\n"
    assert page.read_bytes() == before


@pytest.mark.slow
def test_each_seed_of_a_recipe_is_run_and_told(tmp_path: Path) -> None:
    page, results = tmp_path / "results.md", tmp_path / "results"
    page.write_text("before\n<!-- written by benchmarks/recipes.py -->\nold\n<!-- to here -->\nafter\n")
    words = ["names", "--seeds", "4", "5", "--page", str(page), "--results", str(results), "--words", *SMALL]
    done = subprocess.run([sys.executable, str(BENCHMARK), *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = [json.loads((results / "names" / f"seed_{seed}.json").read_text()) for seed in (4, 5)]
    losses = [result["summary"]["scores"]["val"]["loss"] for result in kept]
    assert losses[0] != losses[1]
    assert all(result["command"].startswith("python -m charrnn_exp recipe=names seed=") for result in kept)
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert "| 2 | " in lines[4]
    assert f"| {sum(losses) / 2:.4f} (sd " in lines[4]
