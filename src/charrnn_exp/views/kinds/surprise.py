"""The view `surprise`: a text coloured by loss, with the model's guesses; two models by their difference.

Axes: p scored character (all but the first), k matrix columns (the likeliest symbols, best first).
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.insight.guesses import Guesses, read_guesses
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.evaluation.insight.symbols import name_symbol
from charrnn_exp.views.html import colours
from charrnn_exp.views.html.document import escape, write_document
from charrnn_exp.views.html.prose import STYLE, name_sign, show_character
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind
from charrnn_exp.views.kinds.surprise_script import PAGE_STYLE, SCRIPT

NUM_GUESSES = 5
NUM_WORST = 20
LEAST_APART = 8
"""Characters between two places of the list: the middle of a strange word is no second place."""
CONTEXT = 24
"""Characters of context before a place of the list."""
EDGES = (0.1, 0.35, 0.9, 1.8, 3.0, 4.5, 6.5)
"""Losses at which the colour changes, nats."""
LARGEST_DIFFERENCE = 2.0
"""Difference of losses with the strongest colour, nats."""


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject, or of two on the same text."""
    found = [read_guesses(each.network, each.ids_n, count=NUM_GUESSES) for each in (subject, other) if each is not None]
    losses_p = found[0].losses_p
    changes_p = losses_p if other is None else found[1].losses_p - losses_p
    names = "Surprise" if other is None else "Surprise of two models"
    body = [
        write_heading(names, subject, _introduce(other), other=other),
        f"<p>{_sum_up(found)}</p>",
        _write_key(is_difference=other is not None),
        '<div class="reader"><pre class="prose" id="text" tabindex="0" role="group" aria-label="The text: arrow keys '
        'go from character to character" aria-describedby="panel">',
        _write_text(subject, found, changes_p),
        '</pre><div class="panel" id="panel" role="status" aria-live="polite"><p class="soft">Point at a character, '
        "tap it, or go there with the arrow keys.</p></div></div>",
        *_write_worst(subject, found, changes_p, is_difference=other is not None),
        *(_write_names(each, number) for number, each in enumerate((subject, other)) if each is not None),
    ]
    style = STYLE + colours.write_rules() + PAGE_STYLE
    return write_document(names, "\n".join(body), style=style, script=SCRIPT)


def find_worst(scores_p: npt.NDArray[np.floating], count: int) -> list[int]:
    """Return the indices of the largest scores, best first, `LEAST_APART` or more from each other.

    >>> find_worst(np.array([1.0, 9.0, 8.0, *[0.0] * 9, 7.0]), 2)
    [1, 12]
    """
    chosen: list[int] = []
    for index in np.argsort(-scores_p, kind="stable").tolist():
        if len(chosen) == count:
            break
        if all(abs(index - each) >= LEAST_APART for each in chosen):
            chosen.append(index)
    return chosen


def _introduce(other: Subject | None) -> str:
    if other is None:
        return (
            "The colour behind a character is its loss, -ln p(character | all before it), in nats: the stronger, the "
            "less the model expected it. The five likeliest symbols and their probabilities stand beside the text."
        )
    return (
        "The colour behind a character is the loss of B minus that of A, in nats: orange where A expected it more, "
        "blue where B did."
    )


def _sum_up(found: Sequence[Guesses]) -> str:
    parts = []
    for name, each in zip(("A", "B"), found, strict=False):
        loss = float(each.losses_p.mean())
        parts.append(
            f"{name + ': ' if len(found) > 1 else ''}mean loss {loss:.4f} nats, {loss / math.log(2):.4f} bits a "
            f"character, read from an empty state"
        )
    return "; ".join(parts) + "."


def _find_classes(changes_p: npt.NDArray[np.floating], *, is_difference: bool) -> list[str]:
    if is_difference:
        return [name_sign(change / LARGEST_DIFFERENCE) for change in changes_p.tolist()]
    levels_p = np.searchsorted(EDGES, changes_p, side="right")
    return [f"s{level}" if level else "s0" for level in levels_p.tolist()]


def _write_text(subject: Subject, found: Sequence[Guesses], changes_p: npt.NDArray[np.floating]) -> str:
    classes, text = _find_classes(changes_p, is_difference=len(found) > 1), subject.text
    parts = [] if subject.num_added else [show_character(text[0])]
    for index, (character, name) in enumerate(zip(text[1:], classes, strict=True)):
        losses = " ".join(f"{each.losses_p[index]:.4f}" for each in found)
        guesses = "|".join(_write_guesses(each, index) for each in found)
        shown = show_character(character)
        parts.append(f'<i class="{name}" id="c{index}" data-l="{losses}" data-g="{guesses}">{shown}</i>')
    return "".join(parts)


def _write_guesses(found: Guesses, index: int) -> str:
    """Return the guesses as numbers alone: id and percent of each."""
    pairs = zip(found.ids_pk[index].tolist(), found.probabilities_pk[index].tolist(), strict=True)
    return " ".join(f"{number}:{100 * probability:.3g}" for number, probability in pairs)


def _write_key(*, is_difference: bool) -> str:
    if is_difference:
        marks = [(f"n{i}", f"-{i * LARGEST_DIFFERENCE / 4:g}") for i in (4, 3, 2, 1)]
        marks += [("", "0")] + [(f"p{i}", f"+{i * LARGEST_DIFFERENCE / 4:g}") for i in (1, 2, 3, 4)]
    else:
        marks = [("", "below 0.1")] + [(f"s{i}", f"{edge:g}") for i, edge in enumerate(EDGES, start=1)]
    spans = "".join(f'<span class="{name}">{text}</span>' for name, text in marks)
    return f'<p class="key">nats: {spans}</p>'


def _write_worst(
    subject: Subject, found: Sequence[Guesses], changes_p: npt.NDArray[np.floating], *, is_difference: bool
) -> Iterator[str]:
    text, losses_p = subject.text, found[0].losses_p
    lists = [("Where the loss is largest", changes_p)]
    if is_difference:
        lists = [("Where A expected more", changes_p), ("Where B expected more", -changes_p)]
    yield '<div class="plots">'
    for title, scores_p in lists:
        yield f'<section><h2>{title}</h2><ol class="worst">'
        for index in find_worst(scores_p, NUM_WORST):
            start = max(subject.num_added, index + 1 - CONTEXT)
            before, line = text[start : index + 1], text.count("\n", subject.num_added, index + 1) + 1
            values = f"{losses_p[index]:.2f} nats"
            if is_difference:
                values = f"A {losses_p[index]:.2f}, B {found[1].losses_p[index]:.2f} nats"
            best = escape(name_symbol(subject.vocabulary, int(found[0].ids_pk[index, 0])))
            yield (
                f'<li><a href="#c{index}"><code>{escape(before)}<mark>{escape(text[index + 1])}</mark></code></a> '
                f'<span class="soft">line {line}, {values}; the first guess was <code>{best}</code></span></li>'
            )
        yield "</ol></section>"
    yield "</div>"


def _write_names(subject: Subject, number: int) -> str:
    """Return the names of the symbols, which the script reads by their ids."""
    items = "".join(f"<li>{escape(name_symbol(subject.vocabulary, i))}</li>" for i in range(len(subject.vocabulary)))
    return f'<ol id="names{number}" hidden>{items}</ol>'


KIND = Kind(
    name="surprise",
    order=1,
    meaning="text coloured by loss, with the five best guesses; two runs by their difference",
    make=make_page,
    takes_two=True,
    num_characters=4_000,
    fewest=2,
    most=10_000,
)
