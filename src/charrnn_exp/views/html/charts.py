"""Charts as inline SVG, drawn in the colours of the page."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from charrnn_exp.views.html.document import escape
from charrnn_exp.views.html.scale import Scale, fit_scale, show_tick

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 12, 44
INSIDE = "<svg x='{0}' y='{1}' width='{2}' height='{3}' viewBox='{0} {1} {2} {3}'>".format(
    LEFT, TOP, WIDTH - LEFT, HEIGHT - TOP - BOTTOM
)
"""A picture in the picture, which cuts off what lies above the axes."""
NUM_COLOURS = 8
"""Lines that have a colour of their own; those after them are grey and thin."""
DASHES = ("", "", "", "", "6 3", "6 3", "6 3", "2 3")
EARLY = 0.1
"""First share of the x axis, whose values may lie above the picture: they would press the others into a line."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart.

    Args:
        letter: at its end, and the name by which the legend hides it.
        label: its name, any text.
        number: of its colour, from 0.
        xs: in ascending order.
        ys: as many.
        spreads: half the width of the band around each y; 0 for none.
    """

    letter: str
    label: str
    number: int
    xs: Sequence[float]
    ys: Sequence[float]
    spreads: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A value over a setting.

    Args:
        x: the setting, as a number or a text.
        y: the value.
        spread: half the length of the bar through it; 0 for none.
        number: of its colour.
        label: any text.
    """

    x: float | str
    y: float
    spread: float
    number: int
    label: str


def find_colour(number: int) -> str:
    """Return the colour of a line, as CSS."""
    return f"var(--c{number})" if number < NUM_COLOURS else "var(--rest)"


def draw_lines(lines: Sequence[Line], *, x_name: str, y_name: str, title: str, logs: str = "") -> str:
    """Return lines with bands; the letter of each stands at its end.

    Args:
        lines: with finite values.
        x_name: below the x axis.
        y_name: along the y axis.
        title: for screen readers.
        logs: the axes, of "x" and "y", on which equal factors take equal lengths; their values are above 0.
    """
    x_scale = fit_scale([x for line in lines for x in line.xs], LEFT, WIDTH - RIGHT, is_log="x" in logs)
    late = x_scale.low + (0.0 if logs else EARLY * (x_scale.high - x_scale.low))
    values = [
        y + side * spread
        for line in lines
        for x, y, spread in zip(line.xs, line.ys, line.spreads, strict=True)
        for side in (-1, 1)
        if x >= late or len(line.xs) < 3
    ]
    y_scale = fit_scale(values, HEIGHT - BOTTOM, TOP, margin=0.05, is_log="y" in logs)
    parts = [draw_axes(x_scale, y_scale, x_name, y_name, x_scale.list_ticks(5))]
    for line in reversed(lines):  # the best on top
        parts.append(_draw_line(line, x_scale, y_scale))
    return frame("".join(parts), title)


def draw_dots(dots: Sequence[Dot], *, x_name: str, y_name: str, title: str) -> str:
    """Return values over a setting: numbers on a scale (logarithmic over a wide range), texts side by side."""
    numbers = [dot.x for dot in dots if isinstance(dot.x, int | float)]
    values = [dot.y + side * dot.spread for dot in dots for side in (-1, 1)]
    y_scale = fit_scale(values, HEIGHT - BOTTOM, TOP, margin=0.08)
    left, right = LEFT + 20, WIDTH - RIGHT - 20
    if len(numbers) == len(dots):
        low, high = min(numbers), max(numbers)
        x_scale = fit_scale(numbers, left, right)
        if low > 0 and high / low >= 8:
            x_scale = Scale(low, high, left, right, is_log=True)
        places, names = {}, {}
        few = sorted(set(numbers))
        ticks = few if len(few) <= 6 and _are_apart([x_scale.place(x) for x in few]) else x_scale.list_ticks(5)
    else:
        texts = sorted({_show(dot.x) for dot in dots}, key=_sort_key)
        x_scale = Scale(0, max(1, len(texts) - 1), left, right)
        places = {text: i if len(texts) > 1 else 0.5 for i, text in enumerate(texts)}
        every = -(-len(texts) // 6)
        names = {places[text]: text for text in texts[::every]}
        ticks = list(names)
    parts = [draw_axes(x_scale, y_scale, x_name, y_name, ticks, names)]
    for dot in reversed(dots):
        x = x_scale.place(places[_show(dot.x)] if places else float(dot.x))
        y, colour = y_scale.place(dot.y), find_colour(dot.number)
        bar = ""
        if dot.spread > 0.0:
            ends = y_scale.place(dot.y - dot.spread), y_scale.place(dot.y + dot.spread)
            bar = f'<path d="M{x} {ends[0]}V{ends[1]}" stroke="{colour}" stroke-width="2"/>'
        size = 5 if dot.number < NUM_COLOURS else 3
        parts.append(
            f'<g>{bar}<circle cx="{x}" cy="{y}" r="{size}" fill="{colour}"/><title>{escape(dot.label)}</title></g>'
        )
    return frame("".join(parts), title)


def _draw_line(line: Line, x_scale: Scale, y_scale: Scale) -> str:
    places = [(x_scale.place(x), y_scale.place(y)) for x, y in zip(line.xs, line.ys, strict=True)]
    colour, is_coloured = find_colour(line.number), line.number < NUM_COLOURS
    drawn = ""
    if is_coloured and any(line.spreads):
        both = list(zip(line.xs, line.ys, line.spreads, strict=True))
        above = [f"{x_scale.place(x)} {y_scale.place(y + spread)}" for x, y, spread in both]
        below = [f"{x_scale.place(x)} {y_scale.place(y - spread)}" for x, y, spread in reversed(both)]
        drawn += f'<path class="band" fill="{colour}" d="M{"L".join([*above, *below])}Z"/>'
    dash = f' stroke-dasharray="{DASHES[line.number]}"' if is_coloured and DASHES[line.number] else ""
    if len(places) > 1:
        path = "L".join(f"{x} {y}" for x, y in places)
        drawn += f'<path class="{"line" if is_coloured else "thin"}" stroke="{colour}"{dash} d="M{path}"/>'
    else:
        drawn += "".join(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in places)
    letter = ""
    if is_coloured and places:
        x, y = places[-1]
        letter = f'<text x="{x + 4}" y="{y + 4}" style="fill:{colour}" font-weight="700">{escape(line.letter)}</text>'
    return (
        f'<g data-line="{escape(line.letter)}"><title>{escape(f"{line.letter}: {line.label}")}</title>'
        f"{INSIDE}{drawn}</svg>{letter}</g>"
    )


def draw_axes(
    x_scale: Scale,
    y_scale: Scale,
    x_name: str,
    y_name: str,
    ticks: Sequence[float],
    names: dict[float, str] | None = None,
) -> str:
    """Return the axes of a chart of `WIDTH` x `HEIGHT`, with ticks and names; `names` stand in place of ticks."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in y_scale.list_ticks(6):
        y = y_scale.place(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{right}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{show_tick(value)}</text>')
    for value in ticks:
        x, name = x_scale.place(value), (names or {}).get(value, show_tick(value))
        parts.append(f'<path class="axis" d="M{x} {bottom}v4"/>')
        parts.append(f'<text x="{x}" y="{bottom + 17}" text-anchor="middle">{escape(shorten(name, 14))}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>')
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(y_name)}</text>'
    )
    return "".join(parts)


def frame(inner: str, title: str) -> str:
    """Return a picture of `WIDTH` x `HEIGHT` with a name for screen readers."""
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{inner}</svg>'


def shorten(text: str, most: int) -> str:
    """Return a text that is not longer than so many characters."""
    return text if len(text) <= most else f"{text[: most - 2]}.."


def _are_apart(places: Sequence[float]) -> bool:
    return all(after - before > 34 for before, after in itertools.pairwise(places))


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else show_tick(value)


def _sort_key(text: str) -> tuple[bool, float, str]:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return math.isnan(value), 0.0 if math.isnan(value) else value, text
