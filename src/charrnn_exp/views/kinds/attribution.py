"""The view `attribution`: how far back a guess depends on its past."""

from collections.abc import Callable, Iterator

import numpy as np

from charrnn_exp.evaluation.insight.attribution import Reach, measure_reach
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.views.html.charts import Line, draw_lines
from charrnn_exp.views.html.document import write_document, write_table
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind

FARTHEST, LONGEST, MOST_PLACES = 128, 512, 256
DISTANCES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Distances in the table."""
SHARES = (0.5, 0.9, 0.99)


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject."""
    num_before = len(subject.ids_n) // 2
    longest = min(LONGEST, num_before)
    farthest = min(FARTHEST, max(1, longest // 4))
    reach = measure_reach(subject.network, subject.ids_n, farthest=farthest, longest=longest, most_places=MOST_PLACES)
    sentences = (
        f"Means over {reach.num_places} places, evenly over the text. Bands and +- are one standard error of the mean."
    )
    body = [
        write_heading("How far back a guess depends on its past", subject, sentences),
        '<div class="plots">',
        *_draw_gradients(reach),
        f"<figure><figcaption>Loss by length of the context</figcaption>{_draw_losses(reach)}</figure>",
        "</div>",
        *_write_gradients(subject, reach),
        *_write_losses(reach),
    ]
    return write_document("Attribution", "\n".join(body))


def find_distance(norms: list[float], share: float) -> int:
    """Return the distance within which so large a share of the sum of all norms, which is above 0, lies.

    >>> find_distance([3.0, 1.0], 0.75), find_distance([3.0, 1.0], 0.76)
    (1, 2)
    """
    sums = np.cumsum(norms)
    return int(np.searchsorted(sums, share * sums[-1] * (1 - 1e-12))) + 1


def _draw_gradients(reach: Reach) -> Iterator[str]:
    """Yield the chart; of gradients that are all 0 none, since a logarithmic axis has no place for 0."""
    if not np.any(reach.norms_t > 0.0):
        return
    relative = reach.norms_t / (reach.norms_t[0] or 1.0)
    is_above = relative > 0.0
    line = Line(
        letter="",
        label="norm of the gradient, relative to that of the character right before",
        number=0,
        xs=(np.flatnonzero(is_above) + 1).tolist(),
        ys=relative[is_above].tolist(),
        spreads=[0.0] * int(is_above.sum()),
    )
    x_name, y_name = "distance, characters", "norm, relative to distance 1"
    picture = draw_lines([line], x_name=x_name, y_name=y_name, title="Gradient by distance", logs="xy")
    yield f"<figure><figcaption>Gradient by distance</figcaption>{picture}</figure>"


def _draw_losses(reach: Reach) -> str:
    line = Line(letter="", label="loss", number=1, xs=reach.lengths, ys=reach.losses, spreads=reach.loss_errors)
    x_name, y_name = "characters of context", "loss, nats per character"
    return draw_lines([line], x_name=x_name, y_name=y_name, title="Loss by length of the context", logs="x")


def _write_gradients(subject: Subject, reach: Reach) -> list[str]:
    what = "one-hot vector" if subject.network.embedding is None else "row of the embedding"
    norms = reach.norms_t.tolist()
    if not any(norms):
        sums_up = (
            f"All are 0 over {len(norms)} characters: no guess depends on what stands before it. A model that knows "
            "one symbol alone is like that."
        )
    else:
        within = ", ".join(f"{100 * share:g} % within {find_distance(norms, share)}" for share in SHARES)
        sums_up = f"Of the sum over {len(norms)} characters lie {within} characters."
    rows = [
        (
            str(distance),
            f"{reach.norms_t[distance - 1]:.3g}",
            f"{reach.norm_errors_t[distance - 1]:.2g}",
            f"{reach.norms_t[distance - 1] / (norms[0] or 1.0):.3g}",
        )
        for distance in DISTANCES
        if distance <= len(norms)
    ]
    return [
        "<h2>Gradient by distance</h2>",
        f"<p>Norm of the gradient of log p(the character that came) to the input vector (the {what}) of each character "
        f"before it, nats per unit of the vector. {sums_up}</p>",
        write_table(
            ("distance", "mean norm", "+-", "relative to distance 1"), rows, label="Gradient by distance", texts=()
        ),
    ]


def _write_losses(reach: Reach) -> list[str]:
    last = reach.losses[-1]
    rows = [
        (str(length), f"{loss:.4f}", f"{error:.4f}", f"{loss - last:+.4f}")
        for length, loss, error in zip(reach.lengths, reach.losses, reach.loss_errors, strict=True)
    ]
    header = ("characters", "loss, nats", "+-", f"more than after {reach.lengths[-1]}")
    return [
        "<h2>Loss by length of the context</h2>",
        "<p>The loss at the same places when the model reads so many characters before each from an empty state "
        "(Khandelwal et al. 2018, section 4). It has not been trained on short contexts: a part of what is lost is "
        "the empty state.</p>",
        write_table(header, rows, label="Loss by length of the context", texts=()),
    ]


KIND = Kind(
    name="attribution",
    order=3,
    meaning="how far back a guess depends on its past: gradient by distance, loss by length of context",
    make=make_page,
    num_characters=100_000,
    fewest=200,
    most=1_000_000,
)
