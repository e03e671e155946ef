"""The end of a search names the best trials, what made the difference, and the way to train the best again."""

import base64
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from charrnn_exp.config.search import Search
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.sweeps.plan import FAILED, Plan, PlannedJob
from charrnn_exp.sweeps.search.conclude import Ending, conclude_search, show_search
from charrnn_exp.sweeps.search.distributions import list_distributions
from charrnn_exp.views.terminal import Terminal
from tests.conftest import compose_once
from tests.sweeps.comparison.runs import Made, make_run
from tests.sweeps.comparison.test_page import Reader
from tests.sweeps.search.test_sampler import make_search

WORDS = ["model.hidden_size=5,7", "optimizer.learning_rate=tag(log,interval(1e-4,1e-2))", "sampling.prompt='to be'"]
EVIL = """"><script>alert(1)</script>"""


def make_study(search: Search, *results: tuple[str, float, list[float]]) -> optuna.Study:
    study = optuna.create_study(directions=search.config.list_directions())
    for size, rate, values in results:
        study.enqueue_trial({"model.hidden_size": size, "optimizer.learning_rate": rate})
        trial = study.ask(dict(list_distributions(search.space)))
        trial.set_user_attr("folder", f"outputs/a/{trial.number}" if trial.number else EVIL)
        study.tell(trial, values)
    return study


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for the pages."""
    monkeypatch.chdir(tmp_path)


def make_ending() -> Ending:
    return Ending(Terminal(), compose_once("tracking=none").tracking)


def make_plan(*failed: PlannedJob) -> Plan:
    return Plan(Path("outputs/a"), [], None, failed)


def fail(*, is_mistake: bool) -> PlannedJob:
    return PlannedJob(0, "", "outputs/a/0", False, "seed=1", {}, 1, 0, 0, FAILED, 2, "it diverged", is_mistake)


@pytest.mark.slow
def test_the_best_of_one_objective_stands_first_with_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    search = make_search(*WORDS, "sweep.jobs=1")
    study = make_study(search, ("5", 1e-3, [2.5]), ("7", 2e-3, [2.25]), ("5", 3e-3, [2.75]), ("7", 4e-3, [2.375]))
    conclude_search(study, search, make_plan(fail(is_mistake=True)), make_ending())
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "best trials, of 4 complete:"
    assert [line.split()[:4] for line in out[2:6]] == [
        ["1", "2.25", "7", "0.002"],
        ["3", "2.375", "7", "0.004"],
        ["0", "2.5", "5", "0.001"],
        ["2", "2.75", "5", "0.003"],
    ]
    assert out[6].startswith("importance for val_loss: ")
    assert out[7].endswith("'sampling.prompt=to be' model.hidden_size=7 optimizer.learning_rate=0.002")
    assert out[8].split() == ["its", "page:", "outputs/a/comparison.html"]


@pytest.mark.slow
def test_the_page_of_a_search_has_its_pictures_for_light_and_dark_and_its_runs() -> None:
    search = make_search(*WORDS)
    study = make_study(search, *((str(5 + 2 * (i % 2)), 1e-3 * (i + 1), [2.5 - 0.01 * i]) for i in range(6)))
    for trial in study.get_trials(deepcopy=False):
        words = [f"{key}={value}" for key, value in trial.params.items()]
        make_run(Path(f"outputs/a/{trial.number}"), Made(words=words))
    conclude_search(study, search, make_plan(), make_ending())
    text = Path("outputs/a/comparison.html").read_text()
    page = Reader(text)
    names = ["history_val_loss", "importance_val_loss", "slice_val_loss_0", "slice_val_loss_1"]
    assert sorted(path.stem for path in Path("outputs/a").glob("*.png")) == names
    light = [each["src"] for each in page.find("img")]
    dark = [each["srcset"] for each in page.find("source")]
    assert light == [encode(Path(f"outputs/a/{name}.png").read_bytes()) for name in names]
    assert len({*light, *dark}) == 8
    assert page.find("img")[0]["alt"] == "val_loss by trial"
    assert str(page.find("meta")[2]["content"]).endswith("; img-src data:")
    assert "Search of 5 runs" in page.text
    assert EVIL in page.text
    assert len(page.find("script")) == 1
    assert len(text) < 1_000_000


def encode(png: bytes) -> str:
    assert png.startswith(b"\x89PNG")
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@pytest.mark.slow
def test_of_several_objectives_those_that_none_beats_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    search = make_search(*WORDS, "hydra.sweeper.objectives=[val_loss,chars_per_second]")
    study = make_study(search, ("5", 1e-3, [2.5, 900.0]), ("7", 1e-3, [2.25, 700.0]), ("7", 2e-3, [2.5, 600.0]))
    conclude_search(study, search, make_plan(), make_ending())
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "trials that none beats in all objectives: 2, of 3 complete:"
    assert [line.split()[:3] for line in out[2:4]] == [["1", "2.25", "700"], ["0", "2.5", "900"]]
    assert Path("outputs/a/front.png").is_file()
    assert Path("outputs/a/history_chars_per_second.png").is_file()


@pytest.mark.slow
def test_mistakes_of_trials_end_a_search_only_if_none_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    search = make_search(*WORDS)
    with pytest.raises(UserError, match="it diverged"):
        conclude_search(make_study(search), search, make_plan(fail(is_mistake=True)), make_ending())
    study = make_study(search, ("5", 1e-3, [2.5]))
    with pytest.raises(MachineError, match="it diverged"):
        conclude_search(study, search, make_plan(fail(is_mistake=False)), make_ending())
    assert study.trials[0].state is TrialState.COMPLETE


def test_a_dry_run_shows_what_may_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    show_search(make_search(*WORDS, "seed=range(1,9,2)"), Terminal())
    assert [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["model.hidden_size", "5, 7"],
        ["optimizer.learning_rate", "0.0001 to 0.01 by their logarithm"],
        ["seed", "1 to 7 in steps of 2"],
    ]
