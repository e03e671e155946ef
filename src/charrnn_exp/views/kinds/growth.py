"""The view `growth`: what became better while the model was trained."""

from collections.abc import Callable, Iterator

import numpy as np

from charrnn_exp.evaluation.insight.growth import Growth, measure_growth
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.run_folder.samples import read_samples
from charrnn_exp.views.html.charts import Line, draw_lines, find_colour
from charrnn_exp.views.html.document import escape, escape_block, write_document, write_table
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind

MAX_SAMPLES = 8
"""Most steps whose samples are shown, evenly from the first to the last."""
MAX_SAMPLE_CHARACTERS = 1_200


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject."""
    growth = measure_growth(subject, warn=warn)
    sentences = "Samples of the checkpoints side by side, and the loss of each class of symbols at each checkpoint."
    body = [write_heading("Growth", subject, sentences), *_write_losses(growth), *_write_samples(subject, warn)]
    return write_document("Growth", "\n".join(body))


def _write_losses(growth: Growth) -> Iterator[str]:
    yield "<h2>Loss by class of symbols</h2>"
    if not growth.steps:
        yield "<p>No checkpoint can be read.</p>"
        return
    if len(growth.steps) == 1:
        yield (
            f"<p>One checkpoint is there, of step {growth.steps[0]:,}: training.checkpoint_every_epochs=1 keeps one "
            "of each epoch.</p>"
        )
    else:
        lines = [
            Line(letter="abcdefgh"[i], label=name, number=i, xs=growth.steps, ys=losses, spreads=[0.0] * len(losses))
            for i, (name, losses) in enumerate(growth.losses.items())
        ]
        keys = "".join(
            f'<span><span class="k" style="color:{find_colour(line.number)}">{line.letter}</span>{line.label}</span>'
            for line in lines
        )
        x_name, y_name, title = "step", "loss, nats per character", "Loss by class and step"
        picture = draw_lines(lines, x_name=x_name, y_name=y_name, title=title, logs="x")
        yield f'<figure class="one"><p class="legend">{keys}</p>{picture}</figure>'
    header = ("class", "characters", *(f"step {step:,}" for step in growth.steps))
    rows = [
        (name, f"{growth.counts[name]:,}", *(f"{loss:.3f}" for loss in losses))
        for name, losses in growth.losses.items()
    ]
    weights = np.array(list(growth.counts.values()), float)
    means = np.average(np.array(list(growth.losses.values())), axis=0, weights=weights)
    rows.append(("all", f"{int(weights.sum()):,}", *(f"{mean:.3f}" for mean in means)))
    yield write_table(header, rows, label="Loss by class and step, nats per character", texts=header[:1])


def _write_samples(subject: Subject, warn: Callable[[str], None]) -> Iterator[str]:
    dataset = subject.config.dataset
    samples = read_samples(subject.folder.samples, dataset, warn=warn)
    steps = list(samples)
    if not steps:
        yield "<p>The run has no samples.</p>"
        return
    chosen = [steps[i] for i in sorted({*np.linspace(0, len(steps) - 1, MAX_SAMPLES).round().astype(int).tolist()})]
    yield '<h2>Samples</h2><div class="samples">'
    for step in chosen:
        text = "\n".join(samples[step]) if dataset.lines else samples[step][0]
        shown = text[:MAX_SAMPLE_CHARACTERS] + (" ..." if len(text) > MAX_SAMPLE_CHARACTERS else "")
        title = escape(f"step {step:,}")
        yield (
            f'<figure><figcaption>{title}</figcaption><pre tabindex="0" aria-label="Sample of {title}">'
            f"{escape_block(shown)}</pre></figure>"
        )
    yield "</div>"


KIND = Kind(
    name="growth",
    order=5,
    meaning="samples step by step, and loss by class of symbols at each checkpoint",
    make=make_page,
    num_characters=20_000,
    fewest=1_000,
    most=100_000,
)
