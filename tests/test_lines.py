"""A list of names from end to end: trained on, resumed, scored and sampled by the command line."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.api import evaluate, open_model
from charrnn_exp.cli import main
from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.serving.generation import open_generator
from tests.conftest import SMALL

NAMES = sorted(f"{a}{b}" for a in ("an", "ber", "cla", "do", "emm") for b in ("a", "e", "ina", "olf", "us", "y", "t"))
WORDS = [
    *[word for word in SMALL if not word.startswith(("dataset", "sampling"))],
    "dataset=file",
    "dataset.path=names.txt",
    "dataset.lines=true",
    "optimizer.learning_rate=0.02",
    "sampling.num_samples=40",
    "sampling.temperature=0.5",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a list of names, whose last line has no line break."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    return tmp_path


def train(*words: str) -> RunFolder:
    assert main([*WORDS, *words]) == 0
    return find_run("latest")


def list_training_names(run: RunFolder) -> set[str]:
    """Names of the training text: all but those that the validation text has, by the rule of docs/howto.md."""
    order = sorted(NAMES, key=lambda name: hashlib.sha256(name.encode()).digest())
    ends = np.cumsum([len(name) + 1 for name in order])
    num_train = int(np.argmin(np.abs(ends - ends[-1] * 9 // 10))) + 1
    return set(order[:num_train])


@pytest.mark.slow
def test_a_run_on_names_samples_names_and_says_how_many_are_new(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = train("training.epochs=30", "training.checkpoint_every_epochs=99")
    out, err = capfd.readouterr()
    assert err == ""
    summary, known = run.read_summary(), list_training_names(run)
    (sample,) = run.samples.iterdir()
    lines = sample.read_text().removesuffix("\n").split("\n")
    assert len(lines) == 40
    expected = {"lines": 40, "distinct": len(set(lines)), "known": sum(line in known for line in lines)}
    assert summary.novelty == expected
    assert 0 < expected["known"] < 40, "the test has nothing to count"
    told = (
        f"40 sampled lines: {expected['distinct']} distinct, {expected['known']} stand in the training text, "
        f"{40 - expected['known']} are new"
    )
    assert told in out
    assert "\n" + "\n".join(lines) + "\n---\n" in out
    rows = [json.loads(row) for row in run.metrics.read_text().splitlines()]
    (row,) = [row for row in rows if "sample_novel" in row]
    assert row == {
        "step": summary.step,
        "sample_distinct": expected["distinct"] / 40,
        "sample_novel": pytest.approx(1 - expected["known"] / 40),
    }
    assert main(["sample"]) == 0
    out, err = capfd.readouterr()
    assert out == sample.read_text()
    assert f"note: {told}." in err
    assert main(["sample", "sampling.prompt=ber", "sampling.num_samples=3"]) == 0
    drawn = capfd.readouterr().out.removesuffix("\n").split("\n")
    assert len(drawn) == 3
    assert all(line.startswith("ber") for line in drawn)
    assert main(["sample", 'sampling.prompt="an\nb"']) == 2
    assert "got a line break" in capfd.readouterr().err
    (here / "names.txt").write_text("another\ntext\n")
    assert main(["sample", "sampling.num_samples=3"]) == 0
    assert "distinct; the training text is not there: it has changed" in capfd.readouterr().err


@pytest.mark.slow
def test_scores_are_of_all_characters_of_each_line_by_itself(here: Path) -> None:
    """As one calls the model: a line break first, then the line, which its line break ends."""
    run = train("training.max_steps=5", "sampling.num_samples=1")
    names = ["anna", "berta", "claus", "y"]
    (here / "other.txt").write_text("\n".join(names))
    scores = evaluate(run.path, text="other.txt")["text"]
    model = open_model(run.path)
    start, total = model.encode("\n"), 0.0
    for name in names:
        ids_t = np.concatenate([start, model.encode(name), start])
        log_probs_tv = model(ids_t[:-1])[0][0]
        total -= log_probs_tv[np.arange(len(ids_t) - 1), ids_t[1:]].sum()
    count = sum(len(name) + 1 for name in names)
    assert scores.num_characters == count
    assert scores.loss == pytest.approx(total / count, abs=1e-6)
    generator = open_generator(run, None, warn=pytest.fail)
    for text in ("\n".join(names), "\n".join(names) + "\n"):
        pieces = list(generator.score(generator.read_text(text)))
        losses = [loss for piece in pieces for loss in piece.losses if loss is not None]
        assert len(losses) == sum(len(piece.text) for piece in pieces) == count
        assert np.mean(losses) == pytest.approx(scores.loss, abs=1e-6)
    joined_t = model.encode("\n" + "\n".join(names) + "\n")
    log_probs_tv = model(joined_t[:-1])[0][0]
    assert -log_probs_tv[np.arange(count), joined_t[1:]].mean() == pytest.approx(scores.loss, abs=1e-6)


@pytest.mark.slow
def test_a_run_on_names_is_resumed_with_other_batches(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = train("training.epochs=1")
    assert main(["resume", "training.epochs=2", "training.batch_size=7"]) == 0
    assert run.read_summary().status == "FINISHED"
    capfd.readouterr()
    assert main(["resume", "training.epochs=3", "dataset.lines=false"]) == 2
    assert "dataset.lines" in capfd.readouterr().err


def test_more_streams_than_lines_are_refused_before_anything_is_made(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "training.batch_size=64"]) == 2
    assert "must have a training text of at least 64 lines" in capfd.readouterr().err
    assert not (here / "outputs").exists()
