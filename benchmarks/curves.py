"""How fast did runs learn? Their losses against characters seen and against seconds, side by side in one picture.

    python benchmarks/curves.py OUTPUT.png run=REF [run=REF ...]

Seconds are those of updates: without the start, validation and samples. Runs must have been trained on the same text by
the same split; counting n-grams is drawn where the runs have counted. A run without validation text is drawn by its
training loss.
"""

import argparse
from pathlib import Path

from charrnn_exp.run_folder.finding import find_run
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_rows
from charrnn_exp.views.curves import preload_matplotlib

PIECES = 60
"""Means of this many pieces of a training curve are drawn."""

Curve = list[tuple[float, float, float]]
"""Characters seen, seconds of updates, nats per character."""


def read_curves(folder: RunFolder) -> dict[str, Curve]:
    """Return the smoothed training loss and the validation loss of a run, by the names of the metrics."""
    training = folder.read_config().training
    per_step = training.batch_size * training.sequence_length * training.gradient_accumulation_steps
    train: Curve = []
    val: Curve = []
    speed = None
    for step, row in read_rows(folder.metrics):
        speed = row.get("chars_per_second", speed)  # all characters over all seconds so far
        for name, curve in (("train_loss", train), ("val_loss", val)):
            if name in row and speed:
                curve.append((step * per_step, step * per_step / speed, row[name]))
    width = max(1, len(train) // PIECES)
    pieces = [train[i : i + width] for i in range(0, len(train), width)]
    means = [(piece[-1][0], piece[-1][1], sum(loss for *_, loss in piece) / len(piece)) for piece in pieces]
    return {"train_loss": means, "val_loss": val}


def draw(folders: list[RunFolder], output: Path) -> None:
    """Draw the picture and print the last loss of each run."""
    preload_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    both = figure.subplots(1, 2, sharey=True)
    lowest, summaries = [], [folder.read_summary() for folder in folders]
    for number, (folder, summary) in enumerate(zip(folders, summaries, strict=True)):
        for name, curve in read_curves(folder).items():
            if not curve:
                continue
            line = {"color": f"C{number}", "linestyle": "-" if name == "val_loss" else ":"}
            for axes, place in zip(both, (0, 1), strict=True):
                label = f"{summary.name} ({name})"
                axes.plot([point[place] for point in curve], [point[2] for point in curve], label=label, **line)
            characters, seconds, loss = curve[-1]
            lowest.append(min(point[2] for point in curve))
            print(f"{folder.path}  {name} {loss:.4f} after {characters:,.0f} characters, {seconds:,.0f} s of updates")
    for value in {summary.ngram_val_loss for summary in summaries if summary.ngram_val_loss is not None}:
        lowest.append(value)
        for axes in both:
            axes.axhline(value, color="gray", linestyle="--", linewidth=0.8, label=f"7-grams {value:.3f}")
    for axes, label in zip(both, ("characters seen", "seconds of updates"), strict=True):
        axes.set(xlabel=label, xscale="log", ylim=(min(lowest) - 0.05, 2.2))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    both[0].set_ylabel("loss (nats per character)")
    both[1].legend(fontsize=8)
    figure.savefig(output, dpi=120)


def main() -> None:
    """Read the words, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("runs", nargs="+", metavar="run=REF")
    arguments = parser.parse_args()
    folders = [find_run(word.removeprefix("run=")) for word in arguments.runs]
    splits = {folder.read_config().dataset.split.name for folder in folders} - {"none"}
    if len(splits) > 1:
        raise SystemExit(f"runs must have one split, got {', '.join(sorted(splits))}.")
    draw(folders, arguments.output)


if __name__ == "__main__":
    main()
