"""Pictures that another library draws with pyplot, in the colours of a page."""

import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DPI = 130
NUM_COLOURS = 64
SIZE = (5.2, 3.8)
"""Inches, so small that the texts can be read on a phone."""


@dataclass(frozen=True)
class Palette:
    """The colours of a picture.

    Args:
        ground: behind all.
        ink: of texts.
        line: of the grid.
    """

    ground: str
    ink: str
    line: str


LIGHT, DARK = Palette("#f6f8fa", "#1b1f24", "#d0d7de"), Palette("#181d24", "#e6eaef", "#343b44")
"""As in html/document: panel, text and lines of a page."""


def draw_png(draw: Callable[[], Any], palette: Palette, *, title: str) -> bytes:
    """Return the figure that `draw` leaves in pyplot, as PNG.

    Args:
        draw: makes one figure; errors of it are raised.
        palette: of its grounds, texts and grid; what stands for data keeps its colour.
        title: above the picture, instead of its own.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no warnings about a matplotlibrc, which is not used
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    buffer = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings(action="ignore"):
        matplotlib.rcdefaults()  # a matplotlibrc in the current folder may have LaTeX run
        matplotlib.rcParams["figure.figsize"] = SIZE
        try:
            draw()
            figure = pyplot.gcf()
            figure.axes[0].set_title("", loc="left")
            figure.axes[0].set_title(title, fontsize="medium")
            _colour(figure, palette)
            figure.savefig(buffer, dpi=DPI, bbox_inches="tight", facecolor=palette.ground)
        finally:
            pyplot.close("all")
    return _shrink(buffer)


def _shrink(png: io.BytesIO) -> bytes:
    """Return a PNG with a palette, a third of its size."""
    from PIL import Image

    small = io.BytesIO()
    Image.open(png).convert("RGB").quantize(NUM_COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def _colour(figure: Any, palette: Palette) -> None:
    for axes in figure.get_axes():
        axes.set_facecolor(palette.ground)
        axes.tick_params(which="both", colors=palette.ink)
        axes.grid(visible=True, color=palette.line)
        for spine in axes.spines.values():
            spine.set_edgecolor(palette.line)
        axes.set_axisbelow(True)
        legend = axes.legend(loc="best") if axes.get_legend() is not None else None
        if legend is not None:
            legend.get_frame().set(facecolor=palette.ground, edgecolor=palette.line)
        for text in [
            axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts, *(legend.get_texts() if legend else ())
        ]:  # fmt: skip
            text.set_color(palette.ink)
