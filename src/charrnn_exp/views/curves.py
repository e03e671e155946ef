"""Loss curves as a picture."""

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.streams import escape_line
from charrnn_exp.views.fonts import find_fonts

Curve = Sequence[tuple[int, float]]
MAX_TITLE = 250
"""Most characters of a title, so that it leaves space for the curves."""
EARLY = 0.1
"""First share of the steps, whose losses may lie above the picture: they would press the others into a line."""


def preload_matplotlib() -> None:
    """Import what drawing needs, which takes more than half a second, and draw nothing."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no warnings about a matplotlibrc, which is not used
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def plot_losses(
    curves: Mapping[str, Curve], path: Path, *, title: str, facts: str = "", baselines: Mapping[str, float]
) -> str:
    """Draw training and validation loss over the steps; return the characters of the title that no font here has.

    Args:
        curves: (step, nats per character) pairs by metric name; `train_loss` and `val_loss` are drawn.
        path: PNG file, overwritten.
        title: name of the run; characters that no font has are escaped.
        facts: the line below it: the dataset and the size; the lowest validation loss is added.
        baselines: losses of other models by name, drawn as horizontal lines.
    """
    preload_matplotlib()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # The filter is not undone: `catch_warnings` is not thread-safe, and the tracking thread may be inside one.
    warnings.filterwarnings("ignore", message="Glyph .* missing")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc in the current folder may have LaTeX run
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        _draw(axes, curves, baselines)
        shown = "\n".join(filter(None, (_shorten(title), _shorten(_add_best(facts, curves)))))
        fonts, missing = find_fonts(shown)
        for c in missing:
            shown = shown.replace(c, c.encode("unicode_escape").decode())
        axes.set_title(shown, parse_math=False, wrap=True, fontfamily=fonts, fontsize=10)  # a '$' of a setting is one
        figure.savefig(path, dpi=120)
    return missing


def _draw(axes: Any, curves: Mapping[str, Curve], baselines: Mapping[str, float]) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    train, val = curves.get("train_loss", ()), curves.get("val_loss", ())
    smooth = _smooth(train)
    if train:
        axes.plot(*zip(*train, strict=True), color="tab:blue", alpha=0.25, linewidth=0.8)
        marker = "o" if len(smooth) == 1 else None
        axes.plot(*zip(*smooth, strict=True), color="tab:blue", marker=marker, label="train_loss (smoothed)")
    if val:
        axes.plot(*zip(*val, strict=True), color="tab:orange", marker="o", markersize=3, label="val_loss")
    for name, value in baselines.items():
        axes.axhline(value, color="gray", linestyle="--", linewidth=0.8)
        axes.annotate(f"{name} {value:.3f}", (0.99, value), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                      fontsize=8, color="gray")  # fmt: skip
    axes.set(xlabel="step (optimizer updates)", ylabel="loss (nats per character)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    steps = [step for step, _ in (*train, *val)]
    if steps and len(set(steps)) == 1:
        axes.set_xlim(steps[0] - 1, steps[0] + 1)
    if limits := _find_limits(train, smooth, val, baselines):
        axes.set_ylim(*limits)
        if (first := (*train[:1], *val[:1], (0, 0.0))[0])[1] > limits[1]:
            axes.annotate(f"from {first[1]:.2f} at step {first[0]:,}", (0.005, 0.985), xycoords="axes fraction",
                          ha="left", va="top", fontsize=8, color="tab:blue" if train else "tab:orange")  # fmt: skip
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right")


def _find_limits(train: Curve, smooth: Curve, val: Curve, baselines: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the lowest and the highest loss of the picture: all that comes after the first `EARLY` of the steps."""
    last = max((step for step, _ in (*train, *val)), default=0)
    late = [value for step, value in (*smooth, *val) if step > EARLY * last]
    values = [value for value in (*late, *baselines.values()) if math.isfinite(value)]
    if not values:
        return None
    low, high = min(values), max(values)
    space = 0.08 * (high - low) or 0.05
    return low - space, high + space


def _add_best(facts: str, curves: Mapping[str, Curve]) -> str:
    known = [(value, step) for step, value in curves.get("val_loss", ()) if math.isfinite(value)]
    if not known:
        return facts
    value, step = min(known)
    return ", ".join(filter(None, (facts, f"best val_loss {value:.4f} at step {step:,}")))


def _shorten(line: str) -> str:
    shown = escape_line(line)
    return shown if len(shown) <= MAX_TITLE else f"{shown[:MAX_TITLE]} ..."


def _smooth(curve: Curve) -> list[tuple[int, float]]:
    """Return the means of 100 consecutive pieces of the curve."""
    width = max(1, len(curve) // 100)
    pieces = [curve[i : i + width] for i in range(0, len(curve), width)]
    return [(piece[-1][0], sum(value for _, value in piece) / len(piece)) for piece in pieces]
