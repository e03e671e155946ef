"""`sample` of a run of an older program, as a user calls it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from charrnn_exp.cli import main
from charrnn_exp.run_folder.folder import RunFolder

Call = Callable[..., tuple[str, str]]
OLD = Path(__file__).parents[1] / "data" / "runs_2ffa939"
AT_ONCE = ["sampling.num_samples=1", "sampling.length=40", "sampling.prompt=the"]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, and below the same folder another with a vocabulary of one symbol less."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(OLD / "text.txt", tmp_path)
    for name in ("averages", "other"):
        shutil.copytree(OLD / "averages", tmp_path / name)
    path = tmp_path / "other" / "vocabulary.json"
    values = json.loads(path.read_text())
    key = next(key for key, value in values.items() if isinstance(value, list))
    values[key] = values[key][:-1]
    path.write_text(json.dumps(values))
    return tmp_path


@pytest.fixture
def sample(old: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str, code: int = 0) -> tuple[str, str]:
        capfd.readouterr()
        assert main(["sample", *words]) == code
        return capfd.readouterr()

    return call


def test_a_text_ends_with_the_stop_text_and_without_a_further_line_break(sample: Call) -> None:
    whole, _ = sample("run=averages", *AT_ONCE)
    stop = whole[10:12]
    text, _ = sample("run=averages", *AT_ONCE, f"sampling.stop={stop}")
    assert text == whole[: whole.index(stop, 3) + 2] + "\n"
    line, _ = sample("run=averages", *AT_ONCE, "sampling.stop=\n", "sampling.length=4000")
    assert len(line) < 4000
    assert line.count("\n") == 1
    _, err = sample("run=averages", *AT_ONCE, "sampling.stop=\u4f60", code=2)
    assert err.startswith("charrnn_exp: error: sampling.stop must hold only symbols of the training text, got ")


def test_without_a_seed_each_text_is_new_and_its_seed_gives_it_again(sample: Call) -> None:
    (one, told), (other, _) = (sample("run=averages", *AT_ONCE, "sampling.seed=null") for _ in range(2))
    assert one != other
    (seed,) = [line.split()[2] for line in told.splitlines() if "again" in line]
    assert sample("run=averages", *AT_ONCE, seed)[0] == one


def test_a_refused_text_has_no_seed_and_a_switch_is_on_or_off(sample: Call) -> None:
    _, err = sample("run=averages", *AT_ONCE, "sampling.seed=null", "sampling.prompt=\u4f60", code=2)
    assert err.startswith("charrnn_exp: error: sampling.prompt must hold only symbols of the training text")
    _, err = sample("run=averages", *AT_ONCE, "interactive=maybe", code=2)
    assert err == "charrnn_exp: error: interactive must be true or false, got 'maybe'.\n"
    assert sample("run=averages", *AT_ONCE, "interactive=false") == sample("run=averages", *AT_ONCE)


def test_values_after_m_give_a_text_each(sample: Call) -> None:
    words = ("run=averages", *AT_ONCE)
    grid, _ = sample("-m", *words, "sampling.temperature=0,0.9", "sampling.seed=1,2")
    parts = grid.split("=== ")[1:]
    assert [part.split(" ===")[0] for part in parts] == [
        f"sampling.temperature={t} sampling.seed={s}" for t in ("0", "0.9") for s in (1, 2)
    ]
    for part, t, s in zip(parts, (0, 0, 0.9, 0.9), (1, 2, 1, 2), strict=True):
        alone, _ = sample(*words, f"sampling.temperature={t}", f"sampling.seed={s}")
        assert part.partition(" ===\n\n")[2] == f"{alone}\n"
    _, err = sample("-m", *words, code=2)
    assert err == (
        "charrnn_exp: error: -m must be given a setting with several values, got none: sampling.temperature=0.5,0.8,1\n"
    )


@pytest.mark.slow
def test_a_beam_search_is_repeated_to_the_letter_and_finds_no_worse_a_text_than_greed(sample: Call) -> None:
    words = ("run=averages", *AT_ONCE, "sampling.beams=7")
    assert sample(*words)[0] == sample(*words, "sampling.seed=8", "sampling.temperature=2")[0]
    assert (
        sample("run=averages", *AT_ONCE, "sampling.beams=1")[0]
        == sample("run=averages", *AT_ONCE, "sampling.temperature=0")[0]
    )
    _, err = sample(*words, "sampling.num_samples=8", code=2)
    assert err.startswith("charrnn_exp: error: sampling.num_samples must be at most sampling.beams=7, got 8")


def test_the_mean_of_a_run_with_itself_is_the_run_and_runs_of_other_symbols_are_refused(sample: Call) -> None:
    greedy = ("sampling.temperature=0", *AT_ONCE)
    assert sample("run=averages,averages", *greedy)[0] == sample("run=averages", *greedy)[0]
    _, err = sample("run=averages,other", *greedy, code=2)
    assert "charrnn_exp: error: run must be runs of the same symbols, got averages (" in err


@pytest.mark.slow
def test_a_new_run_keeps_the_seed_that_was_drawn_for_it(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = (
        "dataset=file dataset.path=text.txt tracking=none model.embedding_dim=3 model.hidden_size=5 sampling.length=9"
    )
    more = "training.batch_size=3 training.sequence_length=16 optimizer.warmup_steps=0 training.max_steps=2"
    assert main([*words.split(), *more.split(), "sampling.seed=null"]) == 0
    (folder,) = [path.parent for path in old.glob("outputs/*/*/*/config.yaml")]
    seed = RunFolder(folder).read_config().sampling.seed
    assert seed is not None
    assert f"sampling.seed={seed + 1}" in capfd.readouterr().out
