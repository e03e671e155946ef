"""The pages of runs on a list of lines and on a text of one symbol."""

import dataclasses
import html
import re
from pathlib import Path

import numpy as np
import pytest

from charrnn_exp.api import compose, run
from charrnn_exp.cli import main
from charrnn_exp.config.choices import VIEWS
from charrnn_exp.evaluation.insight.study import trace_untrained
from charrnn_exp.evaluation.insight.subject import Choice, OtherText, Subject, prepare_subject
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.views.kinds.pages import choose_kinds, make_pages
from tests.conftest import SMALL
from tests.made_once import find_run_in, make_once
from tests.views.kinds.pages import check_page

WORDS = [
    *[word for word in SMALL if not word.startswith("dataset")],
    "dataset=file",
    "dataset.path=text.txt",
    "training.max_steps=3",
    "optimizer.warmup_steps=0",
]
LINES = [f"{'abcdefgh'[i % 8] * (1 + i % 5)}{'xyz'[i % 3]}" for i in range(1_200)]


def train(text: str, *words: str) -> None:
    Path("text.txt").write_text(text, encoding="utf-8")
    run(compose(*WORDS, *words))


@pytest.fixture(scope="module")
def lines_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on a list of lines, which lies in the folder that outputs/ lies in."""
    made = make_once(tmp_path_factory, "viewed_lines", lambda: train("\n".join(LINES), "dataset.lines=true"))
    return RunFolder(find_run_in(made))


def prepare(folder: RunFolder, num_characters: int) -> Subject:
    text = OtherText(Path("mine.txt"))
    return prepare_subject(folder, Choice(None, text, num_characters, None), warn=pytest.fail).build()


def make(kind: str, subject: Subject, num_characters: int) -> str:
    ((_, page),) = make_pages(choose_kinds(kind), subject, None, num_characters=num_characters, warn=pytest.fail)
    return page


@pytest.fixture
def subject(lines_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """The run's network on a file of four lines, 22 characters."""
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("abcx\nhhhhy\nddddd\ngzzz\n")
    return prepare(lines_run, 4_000)


@pytest.mark.slow
def test_a_page_shows_and_counts_the_characters_of_the_file_alone(subject: Subject) -> None:
    """The line break that the model reads before the first line is none of them."""
    for length in (22, 13):
        page = make("surprise", subject, length)
        assert f", the first {length} characters of the mine.txt." in page
        shown = page.partition('id="text"')[2].partition(">")[2].partition("</pre>")[0]
        text = html.unescape(re.sub("<[^>]*>", "", shown)).replace("\u21b5", "")[1:-1]  # breaks of the markup
        assert text == "abcx\nhhhhy\nddddd\ngzzz\n"[:length]
        assert len(re.findall(r'id="c\d+"', page)) == length, "the first character of a line is predicted, too"
    rows = re.findall(r'<td class="left">(line break)</td><td>(\d+)</td>', make("embedding", subject, 22))
    assert rows == [("line break", "4")]


@pytest.mark.slow
def test_a_line_has_the_number_that_the_file_gives_it(subject: Subject) -> None:
    page, lines = make("surprise", subject, 22), ["abcx\n", "hhhhy\n", "ddddd\n", "gzzz\n"]
    places = re.findall(r'<li><a href="#c(\d+)">.*?line (\d+), ', page)
    assert places
    ends = np.cumsum([len(line) for line in lines])
    for index, line in places:
        assert int(line) == int(np.searchsorted(ends, int(index), side="right")) + 1


@pytest.mark.slow
def test_a_text_of_as_many_characters_as_a_kind_needs_is_long_enough(
    lines_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for num, code in ((199, 2), (200, 0)):
        Path("mine.txt").write_text("abx\n" * (num // 4) + "abc\n"[4 - num % 4 :] * (num % 4 > 0))
        words = [f"run={lines_run.path}", "kind=attribution", "text=mine.txt", "out=pages"]
        assert main(["view", *words]) == code, capsys.readouterr().err


@pytest.mark.slow
def test_untrained_cells_start_anew_at_line_breaks_like_those_they_are_compared_with(subject: Subject) -> None:
    ids_n = subject.ids_n
    others_n = ids_n.copy()
    last = int(np.flatnonzero(ids_n == subject.network.line_break)[-2])
    others_n[1:last] = ids_n[1]
    one, two = (trace_untrained(dataclasses.replace(subject, ids_n=each), each) for each in (ids_n, others_n))
    assert np.any(one[:, 1:last] != two[:, 1:last])
    np.testing.assert_array_equal(one[:, last:], two[:, last:])


@pytest.mark.slow
def test_all_pages_of_a_text_of_one_symbol_are_made(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_once(tmp_path_factory, "viewed_symbol", lambda: train("a" * 60_000))
    monkeypatch.chdir(made)
    assert main(["view", f"out={tmp_path / 'pages'}"]) == 0
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").iterdir()}
    assert set(pages) == set(VIEWS)
    for page in pages.values():
        check_page(page)
        assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()
    assert "All are 0 over 128 characters: no guess depends on what stands before it." in pages["attribution"]
    assert main(["evaluate", "adapt=rms", "split=val"]) == 0
