"""Options of installed packages: usable without a fork, told in one line where they are not, and never in the way."""

import tomllib
from pathlib import Path

import pytest

from tests.forks import Program
from tests.plugins import install, run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/plugin"
GROUP = "charrnn_exp.filters"
OTHER = (EXAMPLE / "charrnn_exp_epsilon.py").read_text(encoding="ascii")
KEY = "charrnn_exp: error: sampling.extra"
TINY = ("tracking=none", "dataset.max_bytes=600", "model.hidden_size=4", "model.embedding_dim=2",
        "training.max_steps=1", "optimizer.warmup_steps=0", "training.batch_size=2",
        "training.sequence_length=3", "sampling.length=9", "name=x")  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the example is installed."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    code = {path.stem: path.read_text() for path in EXAMPLE.glob("*.py")}
    install(tmp_path / "site", project["name"], project["version"], offers=project["entry-points"], code=code)
    return tmp_path / "site"


def test_an_offered_filter_is_in_help_and_completion_with_its_package(site: Path, tmp_path: Path) -> None:
    shown = run(tmp_path, "--help", path=(site,))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "  sampling.extra.epsilon  (charrnn-exp-extras 1.2.0)  Draw from the symbols of at least" in shown.stdout
    assert "OPTIONS OF INSTALLED PACKAGES" not in run(tmp_path, "--help").stdout
    asked = run(tmp_path, "--help", "sampling.extra.epsilon", path=(site,)).stdout
    assert asked.startswith("sampling.extra.epsilon\n  Draw from the symbols of at least")
    assert asked.endswith("Takes number or null; default null.\n")
    completed = run(tmp_path, "completion", "line=charrnn-exp sample sampling.extra.", path=(site,))
    assert completed.stdout.split() == ["sampling.extra.epsilon="]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("sampling.extra.epsilon=2", "epsilon must be in (0, 1], got 2.0."),
        ("sampling.extra.epsilon=x", "epsilon must be a number or null, got 'x'."),
        ("sampling.extra.epsilon=true", "epsilon must be a number or null, got True."),
    ],
)
def test_the_value_of_an_offered_filter_is_checked_by_its_declaration(
    settings_program: Program, site: Path, tmp_path: Path, word: str, line: str
) -> None:
    ended = settings_program.run(tmp_path, "--cfg", "job", word, path=(site,))
    assert (ended.returncode, ended.stderr) == (2, f"{KEY}.{line}\n")


def test_an_unknown_one_is_answered_with_the_nearest(settings_program: Program, site: Path, tmp_path: Path) -> None:
    for typed, meant in (("epsilom", "sampling.extra.epsilon"), ("top_k", "sampling.top_k")):
        ended = settings_program.run(tmp_path, "--cfg", "job", f"sampling.extra.{typed}=0.1", path=(site,))
        line = f"charrnn_exp: error: unknown setting 'sampling.extra.{typed}' - did you mean {meant}?\n"
        assert (ended.returncode, ended.stderr) == (2, line)


BROKEN = {
    "broken": ("raise ImportError('no such library')", "must be loadable, got ImportError: no such library."),
    "ending": ("raise SystemExit(0)", "must be loadable, got SystemExit: 0."),
    "empty": ("", "must be loadable, got AttributeError: module 'empty' has no attribute 'FILTER'."),
    "other": ("FILTER = 'os.getcwd'", "must be a Filter of that name, got 'os.getcwd'."),
}


@pytest.mark.slow
def test_what_cannot_be_used_is_one_line_and_everything_else_goes_on(
    settings_program: Program, site: Path, tmp_path: Path
) -> None:
    offers = {GROUP: {name: f"{name}:FILTER" for name in BROKEN} | {"top_k": "other:FILTER", "epsilon": "other:FILTER"}}
    install(site, "bad-filters", "0.3", offers=offers, code={name: code for name, (code, _) in BROKEN.items()})
    for name, (_, reason) in BROKEN.items():
        ended = settings_program.run(tmp_path, "--cfg", "job", f"sampling.extra.{name}=1", path=(site,))
        line = f"{KEY}.{name} of bad-filters 0.3 {reason} Mend or uninstall bad-filters.\n"
        assert (ended.returncode, ended.stderr) == (2, line)
    twice = settings_program.run(tmp_path, "--cfg", "job", "sampling.extra.epsilon=0.1", path=(site,))
    assert twice.stderr == (
        f"{KEY}.epsilon must be offered by one package, got bad-filters 0.3 and charrnn-exp-extras 1.2.0. "
        "Uninstall one of them.\n"
    )
    shadow = settings_program.run(tmp_path, "--cfg", "job", "sampling.extra.top_k=1", path=(site,))
    assert shadow.stderr == f"{KEY}.top_k of bad-filters 0.3 is not used: charrnn_exp has one of that name.\n"
    shown = run(tmp_path, "--help", path=(site,))
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in (*BROKEN, "top_k"):
        assert f"  not usable: sampling.extra.{name} of bad-filters 0.3 " in shown.stdout
    assert "  not usable: sampling.extra.epsilon must be offered by one package" in shown.stdout
    assert settings_program.run(tmp_path, "--cfg", "job", "sampling.top_k=3", path=(site,)).returncode == 0


@pytest.mark.slow
def test_an_offered_cell_is_in_help_and_completion_and_its_settings_are_checked(
    settings_program: Program, site: Path, tmp_path: Path
) -> None:
    shown = run(tmp_path, "--help", path=(site,))
    assert "  model.cell=leaky  (charrnn-exp-extras 1.2.0)  Leaky integration: " in shown.stdout
    assert "leaky" in run(tmp_path, "completion", "line=charrnn-exp model.cell=", path=(site,)).stdout
    assert "; of installed packages leaky; default lstm;" in run(tmp_path, "--help", "model.cell", path=(site,)).stdout
    assert "Share of the hidden values" in run(tmp_path, "--help", "model.extra.leaky.leak", path=(site,)).stdout
    for word, line in (
        ("model.extra.leaky.leak=2", "model.extra.leaky.leak must be in (0, 1], got 2.0."),
        ("model.extra.leaky.leek=1", "unknown setting 'model.extra.leaky.leek' - did you mean model.extra.leaky.leak?"),
    ):
        ended = settings_program.run(tmp_path, "--cfg", "job", "model.cell=leaky", word, path=(site,))
        assert (ended.returncode, ended.stderr) == (2, f"charrnn_exp: error: {line}\n")
    unchosen = settings_program.run(tmp_path, "--cfg", "job", "model.extra.leaky.leak=0.1", path=(site,))
    assert unchosen.stderr == (
        "charrnn_exp: error: model.extra.leaky must be left out when model.cell=lstm, got {'leak': 0.1}. "
        "Use model.cell=leaky.\n"
    )


@pytest.mark.slow
def test_a_run_of_an_offered_cell_is_trained_sampled_and_resumed(program: Program, site: Path, tmp_path: Path) -> None:
    words = (*TINY, "model.cell=leaky", "model.extra.leaky.leak=0.3")
    trained = run(tmp_path, *words, path=(site,))
    warned = [line for line in trained.stderr.splitlines() if "guessing them all alike" not in line]
    assert (trained.returncode, warned) == (0, [])
    assert program.run(tmp_path, "resume", "training.max_steps=2", path=(site,)).returncode == 0
    assert program.run(tmp_path, "sample", path=(site,)).returncode == 0
    gone = program.run(tmp_path, "sample")
    assert (gone.returncode, gone.stderr) == (
        2,
        "charrnn_exp: error: model.cell.leaky must be offered by charrnn-exp-extras 1.2.0, with which the run was "
        "made, got no such package. Install charrnn-exp-extras==1.2.0.\n",
    )


@pytest.mark.slow
def test_a_run_with_an_offered_filter_names_its_package_when_that_is_gone(
    program: Program, site: Path, tmp_path: Path
) -> None:
    trained = program.run(tmp_path, *TINY, "sampling.extra.epsilon=1", path=(site,))
    assert (trained.returncode, trained.stderr) == (0, "")
    greedy = program.run(tmp_path, "sample", "sampling.extra.epsilon=null", "sampling.temperature=0", path=(site,))
    drawn = program.run(tmp_path, "sample", path=(site,))
    assert (drawn.returncode, drawn.stdout) == (0, greedy.stdout)  # epsilon=1 leaves the likeliest alone
    line = (
        "sampling.extra.epsilon must be offered by charrnn-exp-extras 1.2.0, with which the run was made, "
        "got no such package. Install charrnn-exp-extras==1.2.0."
    )
    for words in (["sample"], ["evaluate"], ["resume", "training.max_steps=2"]):
        ended = program.run(tmp_path, *words)
        assert (ended.returncode, ended.stderr) == (2, f"charrnn_exp: error: {line}\n")
    repaired = program.run(tmp_path, "repair")
    assert (repaired.returncode, repaired.stdout) == (0, "1 of 1 runs needed nothing\n")
    swept = run(tmp_path, "-m", *TINY, "sampling.extra.epsilon=0.5,1", path=(site,))
    assert (swept.returncode, swept.stderr) == (0, "")
