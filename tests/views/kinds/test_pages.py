"""The pages of a run on a hostile text."""

import dataclasses
import html
import re
from collections.abc import Callable

import numpy as np
import pytest

from charrnn_exp.config.choices import VIEWS
from charrnn_exp.errors import MachineError, UserError
from charrnn_exp.evaluation.insight.features import FEATURES, find_quotes
from charrnn_exp.evaluation.insight.finder import Found, Search, choose_features
from charrnn_exp.evaluation.insight.guesses import read_guesses
from charrnn_exp.evaluation.insight.states import CellName
from charrnn_exp.evaluation.insight.study import Study
from charrnn_exp.evaluation.insight.subject import Choice, Subject, describe_run, prepare_subject
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.views.kinds.cells import choose_excerpt, write_gallery
from charrnn_exp.views.kinds.kind import Kind
from charrnn_exp.views.kinds.pages import choose_kinds, find_length, make_pages
from charrnn_exp.views.kinds.registry import list_kinds
from tests.conftest import slow_after
from tests.views.kinds.pages import check_page


@pytest.fixture(scope="module")
def subject(viewed_run: RunFolder) -> Subject:
    """The run's network on 300 characters of its validation text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(viewed_run.path.parents[3])
        return prepare_subject(viewed_run, Choice(None, None, 300, None), warn=pytest.fail).build()


def make(kind: str, subject: Subject, other: Subject | None = None, num_characters: int | None = None) -> str:
    ((name, page),) = make_pages(choose_kinds(kind), subject, other, num_characters=num_characters, warn=pytest.fail)
    assert name == kind
    return page


def test_the_setting_and_the_verb_know_the_same_kinds() -> None:
    assert tuple(kind.name for kind in list_kinds()) == VIEWS
    assert choose_kinds("all") == list_kinds()
    assert [kind.name for kind in choose_kinds("cells,surprise")] == ["surprise", "cells"]


@pytest.mark.parametrize("kind", ["surprise", "embedding"])
def test_a_page_is_one_small_file_in_which_the_text_is_text(subject: Subject, kind: str) -> None:
    check_page(make(kind, subject))


def test_the_card_needs_no_network_and_tells_what_the_run_knows(viewed_run: RunFolder) -> None:
    page = make("card", describe_run(viewed_run))
    check_page(page)
    summary = viewed_run.read_summary()
    assert summary.scores is not None
    assert f"{summary.scores['val']['loss']:.4f}" in page
    assert f"{summary.ngram_val_loss:.4f}" in page
    assert '<td class="left">licence of the text</td><td class="left">unknown</td>' in page
    assert "&lt;i&gt;evil&amp;.txt" in page
    for key in ("model.hidden_size", "training.threads", "tracking.views"):
        assert f'<td class="left">{key}</td>' in page
    assert "training.epochs=2" in page.partition("Command that makes the run")[2]


def test_each_character_but_the_first_has_its_loss_and_its_five_guesses(subject: Subject) -> None:
    page, found = make("surprise", subject), read_guesses(subject.network, subject.ids_n, count=5)
    spots = re.findall(r'<i class="s\d" id="c(\d+)" data-l="([\d.]+)" data-g="([\d.: e-]+)">', page)
    assert [int(number) for number, _, _ in spots] == list(range(299))
    for number, loss, guesses in spots:
        pairs = [pair.split(":") for pair in guesses.split()]
        assert float(loss) == pytest.approx(found.losses_p[int(number)], abs=0.000051)
        assert [int(symbol) for symbol, _ in pairs] == found.ids_pk[int(number)].tolist()
        assert [float(percent) for _, percent in pairs] == pytest.approx(
            (100 * found.probabilities_pk[int(number)]).tolist(), rel=0.01
        )
    assert page.count("<li>") - page.count('<li><a href="#c') == len(subject.vocabulary)


def test_the_longest_text_of_surprise_stays_below_the_bound(subject: Subject) -> None:
    (kind,) = choose_kinds("surprise")
    longer = dataclasses.replace(subject, ids_n=np.resize(subject.ids_n, kind.most))
    page = make("surprise", longer, num_characters=kind.most)
    assert 300_000 < len(page.encode()) < 2_000_000
    check_page(page)


def test_two_models_are_coloured_by_the_difference_of_their_losses(subject: Subject) -> None:
    from charrnn_exp.model.network import build_network
    from charrnn_exp.model.size import resolve

    num_symbols = len(subject.vocabulary)
    model = resolve(subject.config.model, num_symbols=num_symbols)
    fresh = build_network(model, num_symbols=num_symbols, precision=subject.config.training.precision, seed=3)
    other = dataclasses.replace(subject, network=fresh)
    page = make("surprise", subject, other)
    check_page(page)
    for name, losses in re.findall(r'<i class="(\w*)" id="c\d+" data-l="([\d. ]+)"', page):
        one, two = map(float, losses.split())
        if abs(two - one) > 0.3:
            assert name[0] == ("p" if two > one else "n")
    same = make("surprise", subject, subject)
    assert set(re.findall(r'<i class="(\w*)" id="c', same)) == {""}


@pytest.mark.parametrize(
    ("kind", "typed", "line"),
    [
        ("surprise", 20_000, "characters must be in [2, 10,000] for kind=surprise, got 20,000."),
        ("card,cells", 100, "characters must be in [4,000, 200,000] for kind=cells, got 100."),
    ],
)
def test_a_length_that_a_kind_cannot_show_is_refused(kind: str, typed: int, line: str) -> None:
    with pytest.raises(UserError) as caught:
        find_length(choose_kinds(kind), typed)
    assert caught.value.lines == [line]


@pytest.mark.parametrize("library", slow_after(1, ["numpy", "tensorflow"]))
def test_memory_that_runs_out_is_the_machines_and_names_the_page(subject: Subject, library: str) -> None:
    """Arrays that no machine has room for."""

    def make_huge(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
        import tensorflow as tf

        size = 1 << 27
        return str(np.zeros((size, size)) if library == "numpy" else tf.zeros((size, size)))

    kind = Kind(name="huge", order=9, meaning="more than there is", make=make_huge)
    with pytest.raises(MachineError) as caught:
        list(make_pages([kind], subject, None, num_characters=9, warn=pytest.fail))
    assert caught.value.lines == [
        "out of memory for kind=huge: make it with `view` of fewer characters, or on a machine with more memory."
    ]


def test_an_excerpt_begins_a_line_and_is_where_the_property_varies_most() -> None:
    text = "aaaa\n" * 20 + "a(b)\n" * 4 + "aaaa\n" * 20
    labels = np.array([float(symbol in "(b") for symbol in text])
    start = choose_excerpt(text, labels, 20)
    assert start == 100
    assert choose_excerpt("ab", np.zeros(2), 20) == 0


def test_what_is_underlined_is_what_the_score_is_of() -> None:
    """The second half begins within a docstring: by itself it would have each quotation inside out."""
    piece = '''""" a docstring """\nx = f("b") + g(h)\n'''
    text, middle = piece * 20, len(piece) * 10 + 8
    common, _ = choose_features(text, middle, [each for each in FEATURES if each.find is find_quotes])
    ((feature, labels_n),) = common.items()
    names, found = [CellName(1, "cell", 0)], [Found(0, feature, 0.9, 0.9, 0.1, 0.1)]
    search = Search(found, 0.1, {feature.name: 0.1}, [feature], [], 1)
    second_kn = labels_n[None, middle:]
    study = Study(search, names, second_kn.astype(np.float32), text[middle:], second_kn, middle, [])
    page = "".join(write_gallery(study))
    (shown,) = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    parts = re.findall(r'<i class="([^"]*)">(.*?)</i>|([^<]+)', shown, re.DOTALL)
    underlined = "".join(html.unescape(inner) for name, inner, _ in parts if "on" in name.split())
    whole = "".join(html.unescape(inner or other) for _, inner, other in parts).replace("\u21b5", "")
    start = text.index(whole, middle)
    expected = [symbol for symbol, label in zip(whole, labels_n[start:], strict=False) if label]
    assert underlined == "".join(expected)
    assert "f(" not in underlined


def test_an_excerpt_of_a_line_without_an_end_begins_anywhere_in_it() -> None:
    """Also of a long line between short ones, after which the next line is offered whole."""
    for before, after in (("", ""), ("ab\n" * 7, ""), ("ab\n" * 7, "\n" + "ab\n" * 9)):
        text = before + "a" * 150 + "(b)(b)" + "a" * 150 + after
        labels = np.array([float(symbol in "(b") and len(before) <= i for i, symbol in enumerate(text)])
        labels[: len(before)] = labels[len(before) + 306 :] = 0.0
        start = choose_excerpt(text, labels, 20)
        assert "(b)(b)" in text[start : start + 20]
