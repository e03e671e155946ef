"""The settings of a search are read from YAML and words, and each mistake is one line."""

import importlib.util
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from charrnn_exp.config import search as search_module
from charrnn_exp.config.compose import Composed, compose_all
from charrnn_exp.config.conf_folder import find_conf_folder
from charrnn_exp.config.search import OBJECTIVES, Pruner, Sampler, SearchConfig
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError
from charrnn_exp.run_folder.summary import Summary
from tests.conftest import slow_after

CHOSEN = ["hydra/sweeper=optuna", "seed=range(1,5)"]


def compose(*words: str, config_dir: Path | None = None) -> list[Composed]:
    return compose_all(write_words(words, multirun=True), multirun=True, config_dir=config_dir)


def compose_lines(*words: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        compose(*words)
    assert all(len(line.splitlines()) == 1 for line in caught.value.lines)
    return caught.value.lines


def read_own(*words: str) -> SearchConfig:
    search = compose(*CHOSEN, *words)[0].search
    assert search is not None
    return search.config


@pytest.mark.slow
def test_the_file_has_each_setting_and_no_other() -> None:
    values = yaml.safe_load((find_conf_folder() / "hydra" / "sweeper" / "optuna.yaml").read_text(encoding="ascii"))
    assert list(values) == [field.name for field in fields(SearchConfig)]
    assert {field.name: getattr(read_own(), field.name) for field in fields(SearchConfig)} == values | {
        "sampler": Sampler.tpe,
        "pruner": Pruner.none,
    }


def test_each_objective_is_a_figure_of_a_summary() -> None:
    assert set(OBJECTIVES) <= {field.name for field in fields(Summary)}


def test_words_change_the_settings() -> None:
    address = "postgresql://me@host/db?sslmode=require"
    config = read_own(
        "hydra.sweeper.n_trials=7", "hydra.sweeper.sampler=random", "hydra.sweeper.seed=null",
        f"hydra.sweeper.storage={address}", "hydra.sweeper.study_name=a: b",
        "hydra.sweeper.objectives=[val_loss,chars_per_second]",
    )  # fmt: skip
    assert (config.n_trials, config.sampler, config.seed) == (7, Sampler.random, None)
    assert (config.storage, config.study_name) == (address, "a: b")
    assert config.list_directions() == ["minimize", "maximize"]


def test_a_file_may_choose_the_search_and_its_values(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/sweeper: optuna\n"
        "hydra:\n  sweeper:\n    n_trials: 3\n    params:\n"
        "      model.hidden_size: choice(5,7)\n      seed: range(1,5)\n"
    )
    composed = compose("experiment=mine", "seed=2", "model.dropout=interval(0,0.5)", config_dir=tmp_path)
    search = composed[0].search
    assert search is not None
    assert search.config.n_trials == 3
    assert [each.key for each in search.space] == ["model.hidden_size", "model.dropout"]
    assert search.fixed == ["experiment=mine", "seed=2"]
    assert [each.config.model.hidden_size for each in composed] == [5, 7, 5]
    assert {each.config.seed for each in composed} == {2}


def test_a_sweep_without_it_is_no_search() -> None:
    assert [each.search for each in compose("seed=1,2")] == [None, None]


@pytest.mark.parametrize(
    ("word", "line"),
    slow_after(8, [
        ("n_trial=3", "unknown setting 'hydra.sweeper.n_trial' - did you mean hydra.sweeper.n_trials?"),
        ("n_trials=0", "hydra.sweeper.n_trials must be at least 1, got 0."),
        ("n_trials=many", "hydra.sweeper.n_trials must be a whole number, got 'many'."),
        ("sampler=rendom", "hydra.sweeper.sampler must be one of tpe, cmaes, random, grid, nsgaii, got 'rendom' - "
                           "did you mean random?"),
        ("n_trials=3,4", "hydra.sweeper.n_trials must be one value, got 3,4. Trials do not differ in it."),
        ("pruner=medain", "hydra.sweeper.pruner must be one of none, median, hyperband, got 'medain' - did you mean "
                          "median?"),
        ("seed=-1", "hydra.sweeper.seed must be from 0 to 2**32 - 1, got -1."),
        ("study_name=''", "hydra.sweeper.study_name must be 1 to 250 printable characters without ', got ''."),
        ("pruner_startup_trials=-1", "hydra.sweeper.pruner_startup_trials must be at least 0, got -1."),
        ("pruner_warmup_steps=-1", "hydra.sweeper.pruner_warmup_steps must be at least 0, got -1."),
        ("objectives=[]", f"hydra.sweeper.objectives must have at least one of {', '.join(OBJECTIVES)}, got none."),
        ("objectives=[val_los]", f"hydra.sweeper.objectives must be of {', '.join(OBJECTIVES)}, got 'val_los' - did "
                                 "you mean val_loss?"),
        ("objectives=[seconds,seconds]", "hydra.sweeper.objectives must be different, got seconds 2 times."),
        ("directions=[down]", "hydra.sweeper.directions must be of minimize, maximize, got 'down'."),
        ("directions=[minimize,minimize]", "hydra.sweeper.directions must be one for each objective, got 2 for 1."),
        ("storage=mysql://me@h/d", "hydra.sweeper.storage must be null, sqlite:///FILE or "
                                   "postgresql://USER@HOST/DATABASE, got 'mysql://h/d'."),
        ("storage=postgresql://me:s3cret@h/d", "hydra.sweeper.storage must be without a password, got one. Put it into "
                                               "PGPASSWORD or ~/.pgpass."),
    ]),
)  # fmt: skip
def test_a_wrong_setting_is_one_line(word: str, line: str) -> None:
    assert compose_lines(*CHOSEN, f"hydra.sweeper.{word}") == [line]


@pytest.mark.parametrize(
    ("words", "start"),
    slow_after(4, [
        (["hydra/sweeper=optuna", "seed=1"], "the search must have a setting to choose, got none."),
        ([*CHOSEN, "model.dropout=interval(0,0.5)", "hydra.sweeper.sampler=grid"],
         "hydra.sweeper.sampler must be another than grid for the intervals of model.dropout, got grid."),
        (["hydra/sweeper=optuna", "seed=1,2", "hydra.sweeper.sampler=cmaes"],
         "hydra.sweeper.sampler must be another than cmaes for lists of values alone, got cmaes."),
        ([*CHOSEN, "hydra.sweeper.objectives=[seconds]", "hydra.sweeper.pruner=median"],
         "hydra.sweeper.pruner must be none with another objective than the lowest val_loss, got median"),
        ([*CHOSEN, "hydra.sweeper.objectives=[val_loss,seconds]", "hydra.sweeper.sampler=cmaes"],
         "hydra.sweeper.sampler must be tpe, random, grid or nsgaii for several objectives, got cmaes."),
        ([*CHOSEN, "model.dropout=interval(0,2)"], "model.dropout must be in [0, 1), got 2.0."),
        ([*CHOSEN, "model.hiden_size=5,7"], "unknown setting 'model.hiden_size' - did you mean model.hidden_size?"),
        ([*CHOSEN, "hydra.sweeper._target_=os.getcwd"], "hydra.sweeper._target_ must not hold '_target_'"),
    ]),
)  # fmt: skip
def test_a_search_that_cannot_be_is_one_line(words: list[str], start: str) -> None:
    (line,) = compose_lines(*words)
    assert line.startswith(start)


def test_all_mistakes_are_told_at_once() -> None:
    lines = compose_lines(*CHOSEN, "hydra.sweeper.n_trial=3", "hydra.sweeper.seed=x", "model.dropout=interval(1,0)")
    assert [line.split()[0] for line in lines] == ["unknown", "hydra.sweeper.seed", "model.dropout"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ("_target_: os.getcwd", "hydra.sweeper._target_ must be left as it is, got 'os.getcwd'. Settings never name"),
        ("study_name: '${oc.env:HOME}'", "hydra.sweeper.study_name must hold no reference"),
        ("n_trails: 3", "unknown setting 'hydra.sweeper.n_trails' - did you mean hydra.sweeper.n_trials?"),
    ],
)
def test_a_file_can_name_no_code_and_nothing_unknown(tmp_path: Path, values: str, line: str) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "bad.yaml").write_text(
        f"# @package _global_\ndefaults:\n  - override /hydra/sweeper: optuna\nhydra: {{sweeper: {{{values}}}}}\n"
    )
    with pytest.raises(UserError) as caught:
        compose("experiment=bad", "seed=1,2", config_dir=tmp_path)
    assert caught.value.lines[0].startswith(line)


def test_without_optuna_a_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Any:
        return None if name == "optuna" else importlib.util.find_spec(name)

    monkeypatch.setattr(search_module, "find_spec", find)
    assert compose_lines(*CHOSEN) == ['hydra/sweeper=optuna needs Optuna: python -m pip install "charrnn_exp[optuna]"']
