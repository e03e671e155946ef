"""The page of a comparison: one file, that no run can write markup into."""

import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.words import write_words
from charrnn_exp.run_folder.overview import read_overview
from charrnn_exp.sweeps.comparison.comparison import compare_runs
from charrnn_exp.sweeps.comparison.page import format_page
from charrnn_exp.views.remake import read_defaults, write_command
from tests.sweeps.comparison.runs import SWEEP, Made, make_run, make_sweep

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x00\u202e</title></style></pre>'
VOID = {"meta", "input", "img", "source", "br", "link", "circle", "rect"}


class Reader(HTMLParser):
    """Collects the elements and attributes of a page, and checks that each element is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def write_rows(*losses: float) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    for step, loss in enumerate(losses, start=1):
        rows += [{"step": step, "train_loss": loss, "chars_per_second": 1000.0}, {"step": step, "val_loss": loss}]
    return rows


def test_the_page_shows_tables_answers_curves_plots_samples_failures_and_commands() -> None:
    for job, (size, rate, seed) in enumerate([(16, 0.01, 1), (16, 0.01, 2), (32, 0.02, 1), (32, 0.02, 2)]):
        words = (f"model.hidden_size={size}", f"optimizer.learning_rate={rate}", f"seed={seed}")
        made = Made(words=words, rows=write_rows(3.0, 2.5, 2.0 + seed / 100), sample=f"sample {job}")
        make_run(SWEEP / str(job), made)
    make_run(SWEEP / "4", Made(summary={"status": "FAILED"}))
    page = format_page(compare_runs(str(SWEEP)))
    read = Reader(page)
    assert len(read.find("table")) == 2
    assert len([each for each in read.find("figure") if "pane" in str(each.get("class"))]) == 3
    assert {each.get("aria-label") for each in read.find("svg")} - {None} == {
        *(f"Validation loss by {name}" for name in ("step", "time", "characters")),
        *(f"Validation loss by {name}" for name in ("model.hidden_size", "optimizer.learning_rate")),
        "Settings and validation loss of each variant",
    }
    assert page.count('class="band"') == 3 * 2
    for text in ("Do the settings differ?", "sample 0", "sample 2", "its run.log does not say why",
                 "python -m charrnn_exp model.hidden_size=32 optimizer.learning_rate=0.02"):  # fmt: skip
        assert text in read.text, text


def test_the_page_needs_no_network_and_lets_no_script_but_its_own_run() -> None:
    make_sweep({16: [1.5, 1.6], 32: [1.7, 1.8]})
    read = Reader(format_page(compare_runs(str(SWEEP))))
    assert not any("src" in attributes or "href" in attributes for _, attributes in read.elements)
    (policy,) = [each["content"] for each in read.find("meta") if "http-equiv" in each]
    assert re.fullmatch(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/=]{44}'", str(policy))


def test_what_can_be_worked_has_a_name_and_what_scrolls_takes_the_keyboard() -> None:
    make_sweep({16: [1.5, 1.6], 32: [1.7, 1.8]})
    read = Reader(format_page(compare_runs(str(SWEEP))))
    assert all(each.get("tabindex") == "0" for each in read.find("pre"))
    assert all(
        each.get("tabindex") == "0" and each.get("aria-label")
        for each in read.find("div")
        if each.get("class") == "wide"
    )
    assert all(each.get("aria-label") for each in read.find("svg") if each.get("role") == "img")
    assert read.find("html") == [{"lang": "en"}]


def test_nothing_that_a_run_says_becomes_markup() -> None:
    for name, word in (("a", EVIL), ("b", "b")):
        made = Made(summary={"val_loss": 1.5}, sample=f"{word} sample", rows=write_rows(2.0))
        folder = make_run(Path(name), made)
        settings = folder.config.read_text().replace(
            "model:\n", f"model:\n  {json.dumps('odd' + word)}: {json.dumps(word)}\n"
        )
        folder.config.write_text(settings.replace("name: stdlib", f"name: {json.dumps(EVIL)}"))
        folder.changes.write_text(
            json.dumps({"changes": [{"step": 5, "setting": f"model.odd{word}", "old": EVIL, "new": word}]})
        )
    failed = make_run(Path("c"), Made(summary={"status": "FAILED"}))
    failed.log.write_text(f"2026-01-02 03:04:05,006 ERROR charrnn_exp: {EVIL}\n")
    page = format_page(compare_runs("a,b,c"))
    read = Reader(page)
    assert len(read.find("script")) == 1
    assert read.find("img") == []
    assert page.count("alert(1)") > 8
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert not {"\x00", "\u202e"} & set(page)


@pytest.mark.parametrize(
    "words",
    [
        ("model=gru", "optimizer=sgd", "model.hidden_size=7", "seed=3"),
        ("dataset=file", 'dataset.path=it\'s (1), \\${b} "c".txt', "name='3.10'", "sampling.prompt='null'"),
        ("tracking.tags.team='a, b'", "sampling.prompt=' x\\'", "model.dropout=0.25", "training.max_steps=5"),
        ("dataset=file", "dataset.path=[a.txt,'b, c.txt']", "optimizer.weight_decay_exclude=[]"),
        pytest.param((), marks=pytest.mark.slow),
    ],
)
def test_a_command_makes_the_settings_of_its_run(words: tuple[str, ...]) -> None:
    written = write_words(words)
    folder = make_run(Path("a"), Made(words=tuple(written)))
    command = write_command(read_overview(folder), read_defaults())
    assert command.startswith("python -m charrnn_exp")
    (again,) = compose_jobs(write_words(shlex.split(command)[3:]))
    assert again == folder.read_config()


def test_a_changed_run_has_the_command_that_began_it_and_the_change() -> None:
    folder = make_run(Path("a"), Made(words=("training.epochs=30",)))
    folder.changes.write_text(json.dumps({"changes": [{"step": 5, "setting": "training.epochs", "old": 3, "new": 30}]}))
    command = write_command(read_overview(folder), read_defaults()).split("\n")
    assert "training.epochs=3" in command[0].split()
    assert command[1:] == ["# resumed with training.epochs 3 -> 30 after step 5"]


@pytest.mark.slow
def test_the_page_of_500_runs_is_smaller_than_2_mb() -> None:
    steps = [3.0 - 0.01 * i for i in range(100)]
    runs = make_sweep({8: [1.5]}, place=Path("one"))
    config, summary = runs[0].config.read_text(), json.loads(runs[0].summary.read_text())
    rows = "".join(json.dumps(row) + "\n" for row in write_rows(*steps))
    (runs[0].samples / "step_10.txt").write_text("<&>" * 1_000)
    for job in range(500):
        place = SWEEP / str(job)
        shutil.copytree(runs[0].path, place)
        changed = config.replace("hidden_size: 8\n", f"hidden_size: {8 + job % 50}\n")
        changed = changed.replace("embedding_dim: ", f"embedding_dim: {job // 50}")
        (place / "config.yaml").write_text(changed)
        (place / "metrics.jsonl").write_text(rows)
        (place / "summary.json").write_text(
            json.dumps(summary | {"val_loss": 1.5 + job / 1000, "sample": "samples/step_10.txt"})
        )
    page = format_page(compare_runs(str(SWEEP)))
    assert 100_000 < len(page.encode()) < 2_000_000
    Reader(page)
