"""The view `embedding`: the symbols as points, near each other where the network reads them alike.

Axes: v vocabulary, u distinct value (a symbol that is shown).
"""

from collections.abc import Callable

import numpy as np

from charrnn_exp.evaluation.groups import CLASSES, find_class
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.evaluation.insight.symbols import (
    map_symbols,
    name_symbol,
    read_vectors,
)
from charrnn_exp.views.html.charts import find_colour
from charrnn_exp.views.html.document import escape, write_document, write_table
from charrnn_exp.views.html.scatter import Point, draw_words
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind

MAX_SYMBOLS = 160
"""Most symbols that are shown, the most frequent ones of the text."""
NUM_NEIGHBOURS = 5


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject."""
    vocabulary, num_symbols = subject.vocabulary, len(subject.vocabulary)
    names = [name_symbol(subject.vocabulary, number) for number in range(num_symbols)]
    counts_v = np.bincount(subject.ids_n[subject.num_added :], minlength=num_symbols)
    shown_u = np.argsort(-counts_v, kind="stable")[:MAX_SYMBOLS]
    shown = shown_u.tolist()
    found = map_symbols(read_vectors(subject.network), shown_u, count=NUM_NEIGHBOURS)
    classes = {number: CLASSES.index(find_class(vocabulary.code_points[number], vocabulary.unit)) for number in shown}
    points = [
        Point(x=float(x), y=float(y), label=names[number], number=classes[number])
        for number in reversed(shown)  # the most frequent on top
        for x, y in [found.points_v2[number]]
    ]
    vectors = (
        "the rows of the embedding"
        if subject.network.embedding is not None
        else ("the rows of the first layer's kernel, since the inputs are one-hot")
    )
    sentences = (
        f"The map has the two directions in which {vectors} vary most (principal components): "
        f"{100 * found.shares[0]:.0f} % and {100 * found.shares[1]:.0f} % of their variance. Distances in it leave out "
        "the rest; the table of neighbours uses all of each vector."
    )
    left_out = f" The {MAX_SYMBOLS} most frequent of {num_symbols:,} symbols are shown." * (num_symbols > MAX_SYMBOLS)
    keys = "".join(
        f'<span class="k" style="color:{find_colour(i)};width:auto">{name}</span> '
        for i, name in enumerate(CLASSES)
        if i in classes.values()
    )
    header = ("symbol", "in the text", *(f"neighbour {i}" for i in range(1, found.neighbours_uk.shape[1] + 1)))
    rows = [
        (
            names[number],
            f"{counts_v[number]:,}",
            *(f"{names[near]} {cosine:+.2f}" for near, cosine in zip(nearest, cosines, strict=True)),
        )
        for number, nearest, cosines in zip(shown, found.neighbours_uk, found.cosines_uk, strict=True)
    ]
    body = [
        write_heading("Map of the symbols", subject, escape(sentences + left_out)),
        f'<p class="switch">{keys}</p>',
        draw_words(points, title="Map of the symbols"),
        "<h2>Nearest neighbours, with the cosine</h2>",
        write_table(header, rows, label="Nearest neighbours", texts=(header[0], *header[2:])),
    ]
    return write_document("Map of the symbols", "\n".join(body))


KIND = Kind(
    name="embedding",
    order=4,
    meaning="a map of the symbols, and their nearest neighbours",
    make=make_page,
    num_characters=100_000,
    fewest=2,
    most=1_000_000,
)
