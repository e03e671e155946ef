"""Parallel coordinates: an axis for each setting, a line for each variant."""

from collections.abc import Sequence
from dataclasses import dataclass

from charrnn_exp.views.html.charts import NUM_COLOURS, find_colour, shorten
from charrnn_exp.views.html.document import escape
from charrnn_exp.views.html.scale import Scale, show_tick

HEIGHT, TOP, BOTTOM, EACH, SIDE = 300, 36, 20, 116, 62
MAX_NAMES = 8
"""Most values that are named along an axis."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A line through all axes.

    Args:
        label: any text.
        letter: by which the legend hides it.
        number: of its colour.
        values: on each axis, numbers or texts.
    """

    label: str
    letter: str
    number: int
    values: Sequence[float | str]


def draw_routes(names: Sequence[str], routes: Sequence[Route], *, title: str) -> str:
    """Return the picture; an axis of numbers has a scale, others have their texts in order.

    Args:
        names: of the axes, any text.
        routes: the best first, which is drawn on top.
        title: for screen readers.
    """
    axes = [_Axis.of([route.values[i] for route in routes]) for i in range(len(names))]
    width = 2 * SIDE + EACH * (len(names) - 1)
    parts = []
    for i, name in enumerate(names):
        x = SIDE + EACH * i
        parts.append(f'<path class="axis" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x}" y="16" text-anchor="middle" font-weight="600">{escape(shorten(name, 18))}</text>')
    for route in reversed(routes):
        places = [f"{SIDE + EACH * i} {axis.place(route.values[i])}" for i, axis in enumerate(axes)]
        kind = "line" if route.number < NUM_COLOURS else "thin"
        parts.append(
            f'<g data-line="{escape(route.letter)}"><title>{escape(route.label)}</title>'
            f'<path class="{kind}" stroke="{find_colour(route.number)}" d="M{"L".join(places)}"/></g>'
        )
    for i, axis in enumerate(axes):  # after the lines, which would hide them
        for text, y in axis.list_names():
            style = "paint-order:stroke;stroke:var(--panel);stroke-width:4px"
            shown = escape(shorten(text, 12))
            parts.append(f'<text x="{SIDE + EACH * i + 5}" y="{y + 4}" style="{style}">{shown}</text>')
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(title)}">'
        f'<svg viewBox="0 0 {width} {HEIGHT}" style="min-width:{min(width, 900)}px;max-width:{2 * width}px" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></div>'
    )


@dataclass(frozen=True)
class _Axis:
    scale: Scale
    texts: Sequence[str] = ()
    few: Sequence[float] = ()

    @classmethod
    def of(cls, values: Sequence[float | str]) -> "_Axis":
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if len(numbers) == len(values):
            low, high = min(numbers), max(numbers)
            return cls(
                Scale(low, high, HEIGHT - BOTTOM, TOP, is_log=low > 0 and high / low >= 8), few=sorted(set(numbers))
            )
        texts = sorted({_show(value) for value in values})
        return cls(Scale(0, max(1, len(texts) - 1), HEIGHT - BOTTOM, TOP), texts)

    def place(self, value: float | str) -> float:
        if self.texts:
            return self.scale.place(self.texts.index(_show(value)))
        return self.scale.place(float(value))

    def list_names(self) -> list[tuple[str, float]]:
        if self.texts:
            every = -(-len(self.texts) // MAX_NAMES)
            return [(text, self.scale.place(i)) for i, text in list(enumerate(self.texts))[::every]]
        if len(self.few) <= MAX_NAMES // 2:
            return [(show_tick(value), self.scale.place(value)) for value in self.few]
        ends = dict.fromkeys((self.scale.low, self.scale.high))
        inner = [tick for tick in self.scale.list_ticks(5) if self._is_free(tick)]
        return [(show_tick(value), self.scale.place(value)) for value in (*ends, *inner)]

    def _is_free(self, value: float) -> bool:
        place = self.scale.place(value)
        return min(abs(place - self.scale.start), abs(place - self.scale.stop)) > 16


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else show_tick(value)
