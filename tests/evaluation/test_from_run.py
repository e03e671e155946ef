"""The verb `evaluate` on runs that were trained once: several texts, several runs, adapted weights, JSON.

Axes: n character.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charrnn_exp.api import evaluate
from charrnn_exp.cli import main
from charrnn_exp.evaluation.adaptation import RATES, Rule
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.model.ensemble import Ensemble
from charrnn_exp.model.network import Network
from charrnn_exp.model.weights import build_trained_network
from charrnn_exp.run_folder.checkpoint import hash_manifest
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.weights import read_trained_weights
from tests.conftest import slow_after
from tests.forks import Program

OLD = Path(__file__).parents[1] / "data/runs_cce24c3"
NAMES = ("gru", "averages", "bytes")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Copies of three small runs on one text; `bytes` has the same symbols, as bytes."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(OLD / "text.txt", tmp_path)
    return {name: Path(shutil.copytree(OLD / name, Path("outputs") / name)) for name in NAMES}


def ask(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capfd.readouterr()
    assert main(["evaluate", "format=json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capfd.readouterr().out)["scores"]
    return found


def hash_files(folder: Path) -> dict[str, str]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def load(path: Path) -> Network:
    folder = RunFolder(path)
    weights = read_trained_weights(folder, None, facts={}, warn=print)
    return build_trained_network(folder.read_config(), weights, folder.read_vocabulary())


def test_several_files_have_a_row_each_and_an_existing_path_with_a_comma_is_one(
    runs: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    text = Path("text.txt").read_text()
    for name, content in {"a.txt": text[:500], "b.txt": text[500:900], "a.txt,b.txt": text[:901]}.items():
        Path(name).write_text(content)
    whole = ask(capfd, f"run={runs['gru']}", "text=a.txt,b.txt")
    assert [(each["text"], each["num_characters"], each["num_words"]) for each in whole] == [
        ("text", 900, len(text[:901].split()))
    ]
    Path("a.txt,b.txt").unlink()
    first, second = ask(capfd, f"run={runs['gru']}", "text=a.txt,b.txt")
    assert [(each["text"], each["num_characters"]) for each in (first, second)] == [("a.txt", 499), ("b.txt", 399)]
    assert first["word_perplexity"] == pytest.approx(np.exp(first["loss"] * 499 / len(text[:500].split())))
    alone = evaluate(runs["gru"], text="b.txt")["text"]
    assert alone.list_all() == {name: second[name] for name in alone.list_all()}


def test_a_text_is_read_in_the_parts_of_the_checkpoint(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for manifest in runs["gru"].glob("checkpoints/*/manifest.json"):
        values = json.loads(manifest.read_text())
        values["machine"]["parts"] = "2"
        del values["sha256"]
        manifest.write_text(json.dumps(values | {"sha256": hash_manifest(values)}))
    parts = []

    class Spied(Scorer):
        def __init__(self, *arguments: Any, num_parts: int, **options: Any) -> None:
            parts.append(num_parts)
            super().__init__(*arguments, num_parts=num_parts, **options)

    monkeypatch.setattr("charrnn_exp.evaluation.scorer.Scorer", Spied)
    evaluate(runs["gru"], split="val")
    evaluate(runs["averages"], split="val")
    assert parts == [2, 1]


def test_an_ensemble_has_a_row_after_its_members(runs: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    paths = [runs["gru"], runs["averages"]]
    capfd.readouterr()
    assert main(["evaluate", "format=json", f"run={paths[0]},{paths[1]}", "split=val"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)["scores"]
    notes = [line.partition(", checkpoint ")[0] for line in err.splitlines() if "checkpoint" in line]
    assert notes == [f"charrnn_exp: note: run {path}" for path in paths], "in the order of their numbers"
    assert [each["speaker"] for each in found] == ["run 1", "run 2", "ensemble of 2"]
    assert [each["runs"] for each in found] == [[str(paths[0])], [str(paths[1])], list(map(str, paths))]
    for each, path in zip(found, paths, strict=False):
        assert each["loss"] == pytest.approx(evaluate(path, split="val")["val"].loss, abs=1e-7)
    text = Path("text.txt").read_bytes()
    points = RunFolder(paths[0]).read_vocabulary().code_points
    val_n = np.searchsorted(points, np.frombuffer(text[len(text) * 9 // 10 :], np.uint8))
    expected = Scorer(Ensemble([load(path) for path in paths]), val_n.astype(np.uint8)).loss()
    assert found[2]["loss"] == pytest.approx(expected, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("rule", slow_after(1, [rule.name for rule in Rule]))
def test_adapted_scores_are_named_apart_and_change_no_file(
    runs: dict[str, Path], capfd: pytest.CaptureFixture[str], rule: str
) -> None:
    before = hash_files(Path())
    plain, adapted = ask(capfd, f"run={runs['averages']}", f"adapt={rule}", "details=true")
    assert hash_files(Path()) == before
    assert (plain["text"], plain["speaker"], plain["adaptation"]) == ("val", "", None)
    assert (adapted["text"], adapted["speaker"]) == ("val", f"adapted ({rule})")
    assert (adapted["adaptation"]["rule"], adapted["adaptation"]["rate"]) == (rule, RATES[Rule[rule]])
    assert "loss" not in adapted
    assert {f"adapted_{name}" for name in plain} >= {name for name in adapted if name.startswith("adapted_")}
    assert adapted["adapted_num_characters"] == plain["num_characters"] == 599
    assert adapted["adapted_loss"] != plain["loss"]
    (everything,) = adapted["adapted_details"]["by_group"]["all"]
    assert everything["loss"]["value"] == pytest.approx(adapted["adapted_loss"])


@pytest.mark.slow
def test_a_table_has_adapted_scores_in_a_row_of_their_own(
    runs: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", f"run={runs['gru']}", "adapt=sgd", "adapt_rate=0.01", "details=true"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line[:18].rstrip() for line in lines[:3]] == ["", "val", "val, adapted (sgd)"]
    titles = [line for line in lines if ", by " in line]
    assert [title.partition(":")[0] for title in titles] == [
        f"{name}, by {key}"
        for name in ("val", "val, adapted (sgd)")
        for key in ("symbol", "position in line", "position in word", "largest probability")
    ]


def test_windows_start_from_an_empty_state_each(runs: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    plain, windows = (ask(capfd, f"run={runs['gru']}", "split=val", *words)[0] for words in ([], ["window=100"]))
    assert (plain["text"], plain["window"], windows["text"], windows["window"]) == ("val", None, "val", 100)
    assert windows["num_characters"] == plain["num_characters"] == 599
    text = Path("text.txt").read_bytes()
    points = RunFolder(runs["gru"]).read_vocabulary().code_points
    val_n = np.searchsorted(points, np.frombuffer(text[len(text) * 9 // 10 :], np.uint8)).astype(np.uint8)
    pieces = [val_n[begin : begin + 101] for begin in range(0, 599, 100)]
    losses = [Scorer(load(runs["gru"]), piece_n).loss() or 0.0 for piece_n in pieces]
    assert windows["loss"] == pytest.approx(np.average(losses, weights=[len(each) - 1 for each in pieces]), abs=1e-6)
    assert abs(windows["loss"] - plain["loss"]) > 1e-4
    assert list(evaluate(runs["gru"], "window=100", split="val")) == ["val, windows of 100"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["adapt=adam"], "adapt must be one of sgd, rms, got 'adam'."),
        (["adapt=sgd", "adapt_rate=fast"], "adapt_rate must be a number above 0, got 'fast'."),
        (["adapt=rms", "adapt_rate=nan"], "adapt_rate must be a number above 0, got 'nan'."),
        (["adapt_rate=1"], "adapt_rate must be left out without adapt=sgd or adapt=rms, got 1."),
        (["window=0"], "window must be a whole number of at least 1, got '0'."),
        (["window=64", "details=true"], "details must be left out beside window, got both."),
        (["window=64", "adapt=sgd"], "adapt must be left out beside window, got both."),
        (["details=yes"], "details must be true or false, got 'yes'."),
        (["format=csv"], "format must be one of table, json, got 'csv'."),
        (["text=,"], "text must name one or more, with commas between them, got ','."),
        (["text=text.txt,text.txt"], "text must name each file once, got text.txt twice."),
        (["run=outputs/gru,outputs/averages", "adapt=rms"], "adapt must be left out beside several runs, got 'rms'."),
        (["run=outputs/gru,outputs/averages,outputs/gru"], "run must name each run once, got outputs/gru twice."),
        (["run=outputs/gru,outputs/bytes"], "run must be runs of one vocabulary, got outputs/gru with 20 and "
         "outputs/bytes with 20 symbols, which are not the same. Average runs of one text."),
    ],
)  # fmt: skip
def test_a_question_that_has_no_answer_is_the_users_mistake(
    runs: dict[str, Path], capfd: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    words = words if any(word.startswith("run=") for word in words) else ["run=outputs/gru", *words]
    capfd.readouterr()
    assert main(["evaluate", *words]) == 2
    captured = capfd.readouterr()
    assert (captured.out, captured.err.splitlines()[-1]) == ("", f"charrnn_exp: error: {expected}")


@pytest.mark.parametrize(
    ("changed", "words", "expected"),
    [
        ({"split: nanogpt": "split: tfds"}, [],
         "runs of one text and split, got outputs/gru and outputs/averages, which differ in dataset.split. Name a "
         "file that they all score: text=FILE."),
        ({"encoding: utf-8": "encoding: latin-1"}, ["text=text.txt"],
         "runs that read a file alike, got outputs/gru and outputs/averages, which differ in dataset.encoding."),
    ],
)  # fmt: skip
def test_runs_are_averaged_only_on_what_they_read_alike(
    runs: dict[str, Path],
    capfd: pytest.CaptureFixture[str],
    changed: dict[str, str],
    words: list[str],
    expected: str,
) -> None:
    other = RunFolder(runs["averages"])
    for before, after in changed.items():
        other.config.write_text(other.config.read_text().replace(before, after))
    capfd.readouterr()
    assert main(["evaluate", "run=outputs/gru,outputs/averages", *words]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == f"charrnn_exp: error: run must be {expected}"
    assert words or len(ask(capfd, "run=outputs/gru,outputs/averages", "text=text.txt")) == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("training.threads=1", "training.parts=2"), ("training.threads=2",)])
def test_evaluate_in_another_process_has_every_digit_of_the_run(
    tmp_path: Path, program: Program, words: tuple[str, ...]
) -> None:
    sizes = ("model.hidden_size=40", "training.batch_size=16", "training.max_steps=20", "dataset.max_bytes=100000")
    done = program.run(tmp_path, "tracking=none", "sampling.length=5", *sizes, *words)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("outputs/*/*/*/summary.json")
    asked = program.run(tmp_path, "evaluate", f"run={path.parent}", "split=val", "format=json")
    assert asked.returncode == 0, asked.stderr
    (found,) = json.loads(asked.stdout)["scores"]
    assert found["loss"] == json.loads(path.read_text())["scores"]["val"]["loss"]
