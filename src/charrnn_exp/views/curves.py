"""Loss curves as a picture."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Curve = Sequence[tuple[int, float]]
MAX_TITLE = 250
"""Most characters of a title, so that it leaves space for the curves."""


def plot_losses(curves: Mapping[str, Curve], path: Path, *, title: str, baselines: Mapping[str, float]) -> None:
    """Draw training and validation loss over the steps.

    Args:
        curves: (step, nats per character) pairs by metric name; `train_loss` and `val_loss` are drawn.
        path: PNG file, overwritten.
        title: title of the plot.
        baselines: losses of other models by name, drawn as horizontal lines.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no warnings about a matplotlibrc, which is not used
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Characters that the font lacks are drawn as boxes. The filter is not undone: `catch_warnings` is not thread-safe,
    # and the tracking thread may be inside one.
    warnings.filterwarnings("ignore", message="Glyph .* missing")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a matplotlibrc in the current folder may have LaTeX run
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure, curves, title, baselines)
        figure.savefig(path, dpi=120)


def _draw(figure: Any, curves: Mapping[str, Curve], title: str, baselines: Mapping[str, float]) -> None:
    axes = figure.subplots()
    if train := curves.get("train_loss"):
        axes.plot(*zip(*train, strict=True), color="tab:blue", alpha=0.25, linewidth=0.8)
        axes.plot(*zip(*_smooth(train), strict=True), color="tab:blue", label="train_loss (smoothed)")
    if val := curves.get("val_loss"):
        axes.plot(*zip(*val, strict=True), color="tab:orange", marker="o", markersize=3, label="val_loss")
    for name, value in baselines.items():
        axes.axhline(value, color="gray", linestyle="--", linewidth=0.8)
        axes.annotate(f"{name} {value:.3f}", (0.99, value), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                      fontsize=8, color="gray")  # fmt: skip
    axes.set(xlabel="step (optimizer updates)", ylabel="loss (nats per character)")
    axes.set_title(title[:MAX_TITLE], parse_math=False, wrap=True)  # a '$' of a setting is one
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _smooth(curve: Curve) -> list[tuple[int, float]]:
    """Return the means of 100 consecutive pieces of the curve."""
    width = max(1, len(curve) // 100)
    pieces = [curve[i : i + width] for i in range(0, len(curve), width)]
    return [(piece[-1][0], sum(value for _, value in piece) / len(piece)) for piece in pieces]
