"""A study is opened once for the same settings, and no secret of its storage is told."""

import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.sweeps.search.distributions import list_distributions
from charrnn_exp.sweeps.search.study import make_digest, name_storage, open_study
from tests.conftest import slow_after
from tests.sweeps.search.test_sampler import SPACE, make_search


@pytest.mark.slow
def test_the_same_settings_go_on_and_others_start_anew(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    search, more = make_search(*SPACE), make_search(*SPACE, "hydra.sweeper.n_trials=99", "hydra.sweeper.sampler=random")
    first = open_study(search, storage, make_digest(search, "x"), first_step=1, last_step=2)
    again = open_study(more, storage, make_digest(more, "x"), first_step=1, last_step=2)
    other = open_study(search, storage, make_digest(search, "y"), first_step=1, last_step=2)
    assert first.study_name == again.study_name != other.study_name


@pytest.mark.parametrize(
    "words",
    slow_after(
        1, [["model.hidden_size=5,9"], ["hydra.sweeper.objectives=[seconds]"], ["hydra.sweeper.directions=[maximize]"]]
    ),
)
def test_a_named_study_of_other_settings_is_refused(tmp_path: Path, words: list[str]) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    named = [*SPACE, "hydra.sweeper.study_name=mine"]
    search, other = make_search(*named), make_search(*named, *words)
    open_study(search, storage, make_digest(search, "x"), first_step=1, last_step=2)
    with pytest.raises(UserError, match="study_name must be a study of these settings, got 'mine'"):
        open_study(other, storage, make_digest(other, "x"), first_step=1, last_step=2)


def test_a_server_that_does_not_answer_is_one_line_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    search = make_search(*SPACE, "hydra.sweeper.storage=postgresql://me@127.0.0.1:1/db")
    began = time.monotonic()
    with pytest.raises(MachineError) as caught:
        open_study(search, name_storage(search.config, "n"), "d", first_step=1, last_step=2)
    (line,) = caught.value.lines
    assert line.startswith(
        "hydra.sweeper.storage must be a database that answers, got postgresql+psycopg://127.0.0.1:1"
    )
    assert len(line.splitlines()) == 1
    assert "s3cret" not in line
    assert time.monotonic() - began < 10


def test_the_storage_lies_below_outputs_if_none_is_named() -> None:
    assert name_storage(make_search(*SPACE).config, "tiny") == "sqlite:///outputs/tiny/optuna.db"


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_a_pruner_stops_the_worst_and_not_the_best(pruner: str) -> None:
    """Trials of 900 updates, validated every 30."""
    words = [*SPACE, f"hydra.sweeper.pruner={pruner}"]
    search = make_search(*words, "hydra.sweeper.sampler=random")
    study = open_study(search, "sqlite:///:memory:", "d", first_step=30, last_step=900)
    best = None
    for _ in range(40):
        trial = study.ask(dict(list_distributions(search.space)))
        loss = float(trial.params["seed"])
        for step in range(30, 901, 30):
            trial.report(loss, step)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            best = min(loss, best or loss)
            study.tell(trial, loss)
    losses = [trial.params["seed"] for trial in study.trials]
    pruned = study.get_trials(states=[TrialState.PRUNED])
    assert 10 <= len(pruned) <= 38
    assert min(trial.last_step or 0 for trial in pruned) <= 90
    assert best is not None
    assert best <= sorted(losses)[5]
