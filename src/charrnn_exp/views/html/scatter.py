"""Points and words in a plane, as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from charrnn_exp.views.html.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw_axes, find_colour, frame
from charrnn_exp.views.html.document import escape
from charrnn_exp.views.html.scale import fit_scale

WORDS_WIDTH, WORDS_HEIGHT, MARGIN = 960, 640, 34


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point, or a word in its place.

    Args:
        x: finite.
        y: finite.
        label: any text.
        number: of its colour.
    """

    x: float
    y: float
    label: str
    number: int = 0


def draw_points(points: Sequence[Point], *, x_name: str, y_name: str, title: str) -> str:
    """Return dots on axes, their labels in tooltips."""
    x_scale = fit_scale([point.x for point in points], LEFT + 8, WIDTH - RIGHT - 8)
    y_scale = fit_scale([point.y for point in points], HEIGHT - BOTTOM - 8, TOP + 8)
    dots = "".join(
        f'<circle cx="{x_scale.place(point.x)}" cy="{y_scale.place(point.y)}" r="3" fill="{find_colour(point.number)}" '
        f'fill-opacity=".55"><title>{escape(point.label)}</title></circle>'
        for point in points
    )
    return frame(draw_axes(x_scale, y_scale, x_name, y_name, x_scale.list_ticks(5)) + dots, title)


def draw_words(points: Sequence[Point], *, title: str) -> str:
    """Return the labels at their places, without axes; one unit has one length on both."""
    xs, ys = [point.x for point in points], [point.y for point in points]
    width, height = WORDS_WIDTH - 2 * MARGIN, WORDS_HEIGHT - 2 * MARGIN
    unit = min(width / (max(xs) - min(xs) or 1.0), height / (max(ys) - min(ys) or 1.0))
    left = WORDS_WIDTH / 2 - unit * (max(xs) + min(xs)) / 2
    bottom = WORDS_HEIGHT / 2 + unit * (max(ys) + min(ys)) / 2
    words = "".join(
        f'<text x="{left + unit * point.x:.1f}" y="{bottom - unit * point.y:.1f}" text-anchor="middle" '
        f'style="fill:{find_colour(point.number)};font:600 15px ui-monospace,monospace;paint-order:stroke;'
        f'stroke:var(--panel);stroke-width:3px">{escape(point.label)}</text>'
        for point in points
    )
    style = "min-width:860px;max-width:1100px;margin:auto;background:var(--panel)"
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(title)}">'
        f'<svg viewBox="0 0 {WORDS_WIDTH} {WORDS_HEIGHT}" style="{style}" role="img" '
        f'aria-label="{escape(title)}">{words}</svg></div>'
    )
