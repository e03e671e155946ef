"""The pictures of a group: loss curves, a plot for each setting, parallel coordinates."""

from collections.abc import Iterator, Sequence
from typing import Any

from charrnn_exp.sweeps.comparison.comparison import Comparison
from charrnn_exp.sweeps.comparison.curves import Point
from charrnn_exp.sweeps.comparison.entries import MAX_LOSS
from charrnn_exp.sweeps.comparison.groups import Group, Variant
from charrnn_exp.sweeps.comparison.statistics import measure_spread
from charrnn_exp.views.html.charts import NUM_COLOURS, Dot, Line, draw_dots, draw_lines, find_colour, shorten
from charrnn_exp.views.html.document import escape
from charrnn_exp.views.html.parallel import Route, draw_routes
from charrnn_exp.views.runs import show_value

MAX_DRAWN = 24
"""Most variants whose curves are drawn."""
MAX_POINTS = 80
"""Most points of a curve."""
MAX_PLOTS = 12
"""Most settings that have a plot or an axis."""
MAX_DOTS = 200
MAX_COORDINATE = 1e15
"""Larger numbers, and NaN, are drawn as texts."""
LOSS = "validation loss"
AXES = ("by step", "by time", "by characters")
AXIS_NAMES = ("step (optimizer updates)", "seconds of updates", "characters read")


def draw_curves(comparison: Comparison, group: Group, number: int) -> Iterator[str]:
    """Yield validation losses over steps, seconds and characters, one of them at a time, with bands over seeds.

    Args:
        comparison: has the points of the runs.
        group: of these variants.
        number: of the group on the page.
    """
    drawn = [
        (place, variant, points)
        for place, variant in enumerate(group.variants[:MAX_DRAWN])
        if (points := _average([comparison.read_points(run) for run in variant.runs]))
    ]
    if not drawn:
        return
    yield "<h3>Loss curves</h3>"
    yield f'<p class="soft">Validation loss, mean over seeds{_tell_of_rest(group)}; the band is +- sd.</p>'
    yield '<div role="radiogroup" aria-label="x axis">'
    for axis, name in enumerate(AXES):
        checked = " checked" if axis == 0 else ""
        yield (
            f'<input type="radio" class="x{axis}" name="x{number}" id="x{number}-{axis}"{checked}> '
            f'<label for="x{number}-{axis}">{name}</label> '
        )
    yield '<div class="panes">'
    for axis, name in enumerate(AXIS_NAMES):
        lines = [_make_line(place, variant, points, axis) for place, variant, points in drawn]
        picture = draw_lines(lines, x_name=name, y_name=LOSS, title=f"Validation loss {AXES[axis]}")
        yield f'<figure class="pane p{axis}">{picture}</figure>'
    yield "</div></div>"
    yield '<fieldset class="legend"><legend class="soft">Curves shown</legend>'
    for place, variant, _ in drawn:
        yield (
            f'<label><input type="checkbox" value="{variant.letter}" checked><span><span class="k" '
            f'style="color:{find_colour(place)}">{variant.letter}</span> {escape(shorten(variant.label, 120))}</span>'
            "</label>"
        )
    yield "</fieldset>"


def draw_settings(group: Group) -> Iterator[str]:
    """Yield a plot of the loss over each setting that differs."""
    if len(group.variants) < 2 or not group.keys:
        return
    yield "<h3>Loss by setting</h3>"
    yield '<p class="soft">A dot is a variant: the mean over its seeds, the bar +- sd.</p><div class="plots">'
    for key in group.keys[:MAX_PLOTS]:
        dots = [
            Dot(
                x=_to_coordinate(variant.settings[key]),
                y=variant.loss.mean,
                spread=variant.loss.deviation or 0.0,
                number=place,
                label=f"{variant.letter}: {variant.label}, {variant.loss.mean:.4f}",
            )
            for place, variant in enumerate(group.variants[:MAX_DOTS])
        ]
        picture = draw_dots(dots, x_name=key, y_name=LOSS, title=f"Validation loss by {key}")
        yield f"<figure><figcaption>{escape(key)}</figcaption>{picture}</figure>"
    yield "</div>"


def draw_parallel(group: Group) -> Iterator[str]:
    """Yield parallel coordinates where two settings or more differ."""
    keys = group.keys[:MAX_PLOTS]
    if len(group.variants) < 2 or len(keys) < 2:
        return
    routes = [
        Route(
            label=f"{variant.letter}: {variant.label}, {variant.loss.mean:.4f}",
            letter=variant.letter,
            number=place,
            values=[*(_to_coordinate(variant.settings[key]) for key in keys), variant.loss.mean],
        )
        for place, variant in enumerate(group.variants[:MAX_DOTS])
    ]
    yield "<h3>Parallel coordinates</h3>"
    names = [*(key.rpartition(".")[2] for key in keys), LOSS]
    yield draw_routes(names, routes, title="Settings and validation loss of each variant")


def _tell_of_rest(group: Group) -> str:
    num_grey = min(len(group.variants), MAX_DRAWN) - NUM_COLOURS
    grey = f"; the best {NUM_COLOURS} in colour" if num_grey > 0 else ""
    return grey + (f", the best {MAX_DRAWN} of {len(group.variants)} drawn" if len(group.variants) > MAX_DRAWN else "")


def _make_line(place: int, variant: Variant, points: Sequence[tuple[Point, float]], axis: int) -> Line:
    return Line(
        letter=variant.letter,
        label=shorten(variant.label, 200),
        number=place,
        xs=[(point.step, point.seconds, point.characters)[axis] for point, _ in points],
        ys=[point.loss for point, _ in points],
        spreads=[deviation for _, deviation in points],
    )


def _average(runs: Sequence[Sequence[Point]]) -> list[tuple[Point, float]]:
    """Return the mean of the points at the steps that all runs have, and the deviation of the loss there."""
    by_step = [{point.step: point for point in points if abs(point.loss) < MAX_LOSS} for points in runs if points]
    steps = sorted(set.intersection(*map(set, by_step))) if by_step else []
    every = -(-len(steps) // MAX_POINTS)
    kept = [step for place, step in enumerate(steps) if (len(steps) - 1 - place) % every == 0] if steps else []
    found = []
    for step in kept:
        points = [each[step] for each in by_step]
        loss = measure_spread([point.loss for point in points])
        assert loss is not None
        seconds = sum(point.seconds for point in points) / len(points)
        found.append((Point(step, points[0].characters, seconds, loss.mean), loss.deviation or 0.0))
    return found


def _to_coordinate(value: Any) -> float | str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_COORDINATE
    return float(value) if is_number else show_value(value)
