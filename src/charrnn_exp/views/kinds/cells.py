"""The view `cells`: a gallery of the cells that follow something, and how saturated the gates are.

Axes: n character, h hidden units.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.insight.features import Feature
from charrnn_exp.evaluation.insight.finder import LEAST_SHIFT, Found
from charrnn_exp.evaluation.insight.states import CLOSED, OPEN, Saturation
from charrnn_exp.evaluation.insight.study import Study, study_cells
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.views.html import colours
from charrnn_exp.views.html.document import escape, write_document, write_table
from charrnn_exp.views.html.prose import STYLE, name_sign, write_spans
from charrnn_exp.views.html.scatter import Point, draw_points
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind

EXCERPT = 560
"""Characters of text that each cell is shown on."""
MAX_OF_FEATURE = 4
"""Most cells of a property that are shown on a text; the table has them all."""
MAX_ROWS = 200
MAX_UNITS = 1_024
"""Most units in a picture of gates."""
SPREAD = 2.0
"""Standard deviations from the mean of a cell that have the strongest colour."""
CAPTION = "orange: above the mean of the cell, blue: below it; strongest at two standard deviations"


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject."""
    study = study_cells(subject)
    search = study.search
    following = (
        f"{len(search.found)} of {search.num_cells:,} cells (each number of each layer's state) follow something, by "
        "the scores of text that they were not chosen on."
    )
    body = [write_heading("Cells", subject, following), _explain(study)]
    body += write_gallery(study)
    if search.rare:
        names = ", ".join(feature.name for feature in search.rare)
        body.append(f'<p class="soft">Not looked for, since a half of the text has it too seldom: {names}.</p>')
    body += _write_list(study)
    body += _write_saturation(study.saturations)
    return write_document("Cells", "\n".join(body), style=STYLE + colours.write_rules())


def choose_excerpt(text: str, labels_n: npt.NDArray[np.float64], length: int) -> int:
    """Return the first character of an excerpt of a text in which a property varies most.

    It begins a line; in a line that is longer than the excerpt, one begins every half of its length.

    Args:
        text: whole.
        labels_n: the property.
        length: of the excerpt.
    """
    last = max(0, len(text) - length)
    edges = [0, *(i + 1 for i, symbol in enumerate(text) if symbol == "\n"), len(text)]
    lines = itertools.pairwise(edges)
    starts = [
        place
        for start, stop in lines
        for place in range(start, max(start, stop - length) + 1, max(1, length // 2))
        if place <= last
    ]
    sums, squares = (np.concatenate([[0.0], np.cumsum(labels_n**power)]) for power in (1, 2))
    stops = np.minimum(np.array(starts) + length, len(text))
    counts = stops - starts
    means = (sums[stops] - sums[starts]) / counts
    return int(starts[int(np.argmax((squares[stops] - squares[starts]) / counts - means**2))])


def write_gallery(study: Study) -> Iterator[str]:
    """Yield a section for each property: its cells on an excerpt, underlined where the property holds."""
    for feature, labels_n in zip(study.search.features, study.labels_kn, strict=True):
        found = [each for each in study.search.found if each.feature is feature]
        yield from _write_feature(feature, found, study, labels_n)


def _explain(study: Study) -> str:
    search = study.search
    return (
        f"<p>For each cell one property was chosen on the first {study.num_chosen:,} characters, then scored on the "
        f"{len(study.text):,} that follow. A score is |r|, the correlation of the cell's values with the property, a "
        "plain function of the text. A cell is shown if its score is above both bars: "
        f"<b>{search.chance:.3f}</b>, the 99.9th percentile of the largest score of all cells and properties when the "
        f"labels are shifted in a circle by at least 1/{LEAST_SHIFT} of the text; and what an untrained network of the "
        "same kind reaches with odds of 1 in 1,000, since its cells echo the last characters, too.</p>"
        f'<p class="soft">In the texts {CAPTION}. An underline shows where the property holds.</p>'
    )


def _write_feature(
    feature: Feature, found: Sequence[Found], study: Study, labels_n: npt.NDArray[np.float64]
) -> Iterator[str]:
    yield f"<section><h2>{escape(feature.name)}</h2>"
    bar = max(study.search.chance, study.search.untrained[feature.name])
    yield f'<p class="soft">{escape(feature.meaning)} Bar: {bar:.3f}.</p>'
    start = choose_excerpt(study.text, labels_n, EXCERPT)
    for each in found[:MAX_OF_FEATURE]:
        yield _write_cell(each, study, start, labels_n)
    if not found:
        yield "<p>No cell.</p>"
    elif len(found) > MAX_OF_FEATURE:
        yield f'<p class="soft">{len(found) - MAX_OF_FEATURE} more stand in the table.</p>'
    yield "</section>"


def _write_cell(found: Found, study: Study, start: int, labels_n: npt.NDArray[np.float64]) -> str:
    values_n = study.values_mn[found.cell]
    shown_n = (values_n - values_n.mean()) / (SPREAD * (float(values_n.std()) or 1.0))
    stop = min(start + EXCERPT, len(study.text))
    marks = ["" if found.feature.is_graded or not label else "on" for label in labels_n[start:stop].tolist()]
    signs = map(name_sign, shown_n[start:stop].tolist())
    classes = [f"{sign} {mark}".strip() for sign, mark in zip(signs, marks, strict=True)]
    name = str(study.names[found.cell])
    return (
        f"<figure><figcaption>{escape(name)}: r = {found.score:+.3f} "
        f'<span class="soft">({found.chosen:+.3f} where it was chosen)</span></figcaption>'
        f'<pre class="prose" tabindex="0" aria-label="Text coloured by {escape(name)}">'
        f"{write_spans(study.text[start:stop], classes)}</pre></figure>"
    )


def _write_list(study: Study) -> Iterator[str]:
    if not study.search.found:
        return
    header = ("cell", "property", "score", "r", "r where chosen", "bar of chance", "bar of an untrained network")
    rows = [
        (
            str(study.names[each.cell]),
            each.feature.name,
            f"{abs(each.score):.3f}",
            f"{each.score:+.3f}",
            f"{each.chosen:+.3f}",
            f"{each.chance:.3f}",
            f"{each.untrained:.3f}",
        )
        for each in study.search.found[:MAX_ROWS]
    ]
    yield "<h2>All cells that follow something</h2>"
    yield write_table(header, rows, label="Cells that follow something", texts=header[:2])
    if len(study.search.found) > MAX_ROWS:
        yield f"<p>{len(study.search.found) - MAX_ROWS} more with lower scores are left out.</p>"


def _write_saturation(saturations: Sequence[Saturation]) -> Iterator[str]:
    yield "<h2>Saturation of the gates</h2>"
    if not saturations:
        yield "<p>The cell of this network declares no gates.</p>"
        return
    yield (
        f"<p>A gate is closed below {CLOSED:g} and open above {OPEN:g} (left- and right-saturated in Karpathy, Johnson "
        "and Fei-Fei 2015, section 4.2). A dot is a unit. Near the line from corner to corner, closed + open = 100 %, "
        "a unit is a switch; near 0 of both it is never saturated.</p>"
    )
    header = ("layer", "gate", "closed, % of values", "open, %", "units closed half the time or more", "units open so")
    rows = [
        (
            str(each.layer),
            each.gate,
            f"{100 * each.closed_h.mean():.1f}",
            f"{100 * each.open_h.mean():.1f}",
            f"{int(np.count_nonzero(each.closed_h >= 0.5)):,} of {len(each.closed_h):,}",
            f"{int(np.count_nonzero(each.open_h >= 0.5)):,} of {len(each.open_h):,}",
        )
        for each in saturations
    ]
    yield write_table(header, rows, label="Saturation of the gates", texts=("gate",))
    yield '<div class="plots">'
    for number, each in enumerate(saturations):
        title = f"Layer {each.layer}, {each.gate} gate"
        pairs = zip(100 * each.open_h[:MAX_UNITS], 100 * each.closed_h[:MAX_UNITS], strict=True)
        points = [
            Point(x=float(x), y=float(y), label=f"unit {unit}: open {x:.0f} %, closed {y:.0f} %", number=number % 3)
            for unit, (x, y) in enumerate(pairs)
        ]
        picture = draw_points(points, x_name="open, % of characters", y_name="closed, %", title=title)
        yield f"<figure><figcaption>{escape(title)}</figcaption>{picture}</figure>"
    yield "</div>"


KIND = Kind(
    name="cells",
    order=2,
    meaning="hidden cells that follow quotes, brackets, lines ..., with scores on held-out text; saturation of gates",
    make=make_page,
    num_characters=32_768,
    fewest=4_000,
    most=200_000,
)
