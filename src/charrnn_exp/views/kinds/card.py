"""The view `card`: a run on one page: data, settings, curves, scores, limits, the command that makes it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from charrnn_exp.errors import CharRNNError
from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.evaluation.baseline.published import PARTS, find_published
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.evaluation.scores import to_bits
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.run_folder.overview import Overview, read_overview
from charrnn_exp.views.html.charts import Line, draw_lines, find_colour
from charrnn_exp.views.html.document import escape, escape_block, write_document, write_table
from charrnn_exp.views.kinds.heading import write_heading
from charrnn_exp.views.kinds.kind import Kind
from charrnn_exp.views.remake import read_defaults, write_command
from charrnn_exp.views.runs import show_value

MAX_POINTS = 200
"""Most points of a curve."""
LICENCES = {"stdlib": "that of the Python Software Foundation, as the running Python has it"}
"""Of texts whose licence the project knows, by dataset.source."""
LIMITS = (
    "It was scored on text of one kind. On other text its losses are higher, and it says nothing of a symbol that its "
    "training text lacks.",
    "Its text is an imitation of the training text, sentence by sentence plausible and not true, and may repeat pieces "
    "of it word for word.",
    "It is a small model of characters, to study how such models learn. It was not made to be relied on.",
)


def make_page(subject: Subject, other: Subject | None, warn: Callable[[str], None]) -> str:
    """Return the page of a subject."""
    run, manifest = read_overview(subject.folder), _read_manifest(subject)
    status = "FINISHED" if subject.has_ended and run.summary.status == "RUNNING" else run.status
    sentences = (
        f"A recurrent network of {escape(_describe_model(run))} that guesses the next "
        f"{'byte' if subject.vocabulary.unit.name == 'byte' else 'character'}. Status: {escape(str(status))}."
    )
    body = [
        write_heading("Model card", subject, sentences),
        *_write_data(subject, run, manifest),
        *_write_scores(run),
        *_write_curves(subject),
        *_write_settings(run, warn),
        "<h2>Limits</h2>",
        "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in LIMITS) + "</ul>",
        *_write_machine(run, manifest),
    ]
    return write_document(f"Model card of {subject.folder.label}", "\n".join(body))


def _describe_model(run: Overview) -> str:
    settings, weights = run.settings, run.summary.num_parameters
    count = "an unknown number of" if weights is None else f"{weights:,}"
    layers = settings.get("model.num_layers")
    return (
        f"{layers} {settings.get('model.cell')} layer{'' if layers == 1 else 's'} of "
        f"{settings.get('model.hidden_size') or 'as many as the budget allows'} units, {count} weights,"
    )


def _read_manifest(subject: Subject) -> Mapping[str, Any]:
    """Return the manifest of the newest checkpoint that has a readable one; empty where there is none."""
    for checkpoint in reversed(CheckpointStore(subject.folder.checkpoints, facts={}, num_rolling=1).find_all()):
        try:
            return checkpoint.read_manifest()
        except (CharRNNError, OSError):
            continue
    return {}


def _write_data(subject: Subject, run: Overview, manifest: Mapping[str, Any]) -> Iterator[str]:
    settings, dataset = run.settings, subject.config.dataset
    print_of_text = manifest.get("dataset")
    facts = print_of_text if isinstance(print_of_text, dict) else {}
    val = (run.summary.val_characters or {}).get("used")
    fractions = {key: settings.get(f"dataset.{key}") for key in ("val_fraction", "test_fraction", "split_streams")}
    split = ", ".join(
        [str(settings.get("dataset.split")), *(f"{k}={v}" for k, v in fractions.items() if v is not None)]
    )
    rows = [
        ("text", run.text_name),
        *[(key.replace("num_", ""), f"{value:,}") for key, value in facts.items() if isinstance(value, int)],
        *[(key, str(value)) for key, value in facts.items() if isinstance(value, str)],
        ("symbols of the model", f"{len(subject.vocabulary):,} ({subject.vocabulary.unit.name})"),
        *(("from", str(url)) for url in settings.get("dataset.urls") or []),
        ("licence of the text", LICENCES.get(dataset.source.name, "unknown")),
        ("split", split),
        *([("validation characters", f"{val:,}")] if val is not None else []),
        *(("note", note) for note in run.summary.dataset_notes or []),
    ]
    yield "<h2>Data</h2>"
    yield write_table(("fact", "value"), rows, label="Data", texts=("fact", "value"))


def _write_scores(run: Overview) -> Iterator[str]:
    yield "<h2>Scores</h2>"
    scores, chosen = run.summary.scores or {}, run.summary.chosen_step
    if not scores:
        loss = "none" if run.best_val_loss is None else f"{run.best_val_loss:.4f} nats at step {run.best_step or 0:,}"
        yield f"<p>The run has not scored its last weights. Lowest validation loss so far: {loss}.</p>"
    else:
        header = ("text", "loss, nats", "+-", "bits a symbol", "perplexity", "accuracy, %", "symbols")
        rows = [(split, *_show_scores(values)) for split, values in scores.items()]
        yield write_table(header, rows, label="Scores", texts=("text",))
        of_step = "" if chosen is None else f" Of the weights of step {chosen:,}."
        yield f'<p class="soft">+- is one standard error of the loss, by means of contiguous blocks.{of_step}</p>'
    if (ngrams := run.summary.ngram_val_loss) is not None:
        yield (
            f"<p>Baseline: counting {ORDER}-grams (interpolated modified Kneser-Ney) reaches {ngrams:.4f} nats on the "
            "same validation text.</p>"
        )
    if published := find_published(run.settings, run.text[0] if run.text else None):
        yield "<h2>Published for this text, unit and split</h2>"
        names = ("text", "loss, nats", "bits a symbol", "model", "source")
        figures = [
            (PARTS[each.part], f"{each.loss:.4f}", f"{to_bits(each.loss):.4f}", each.model, each.source)
            for each in published
        ]
        yield write_table(names, figures, label="Published", texts=("text", "model", "source"))


def _show_scores(values: Mapping[str, Any]) -> Iterator[str]:
    factors = {"loss": (1, 4), "standard_error": (1, 4), "bits_per_char": (1, 4), "perplexity": (1, 3)}
    for key, (factor, digits) in (factors | {"accuracy": (100, 2)}).items():
        value = values.get(key)
        yield "-" if value is None else f"{factor * value:,.{digits}f}"
    count = values.get("num_characters")
    yield "-" if count is None else f"{int(count):,}"


def _write_curves(subject: Subject) -> Iterator[str]:
    try:
        curves = read_metrics(subject.folder.metrics)
    except CharRNNError:
        curves = {}
    lines = []
    for number, (name, letter) in enumerate((("train_loss", "t"), ("val_loss", "v"))):
        points = [(step, value) for step, value in curves.get(name, []) if math.isfinite(value)]
        kept = _average(points)
        if kept:
            xs, ys = [step for step, _ in kept], [value for _, value in kept]
            lines.append(Line(letter=letter, label=name, number=number, xs=xs, ys=ys, spreads=[0.0] * len(xs)))
    if lines:
        keys = "".join(
            f'<span><span class="k" style="color:{find_colour(line.number)}">{line.letter}</span>{line.label}</span>'
            for line in lines
        )
        picture = draw_lines(lines, x_name="step", y_name="loss, nats per character", title="Losses by step")
        yield f'<h2>Curves</h2><figure class="one"><p class="legend">{keys}</p>{picture}</figure>'


def _average(points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """Return at most `MAX_POINTS` points: means of as many neighbours as that takes."""
    size = max(1, -(-len(points) // MAX_POINTS))
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def _write_settings(run: Overview, warn: Callable[[str], None]) -> Iterator[str]:
    defaults, header = read_defaults(), ("setting", "value", "default")
    rows = [(key, show_value(value), show_value(defaults.get(key, "-"))) for key, value in run.settings.items()]
    differ = [row for row in rows if row[1] != row[2]]
    yield "<h2>Settings that differ from the defaults</h2>"
    yield write_table(header, differ, label="Settings that differ", texts=header) if differ else "<p>None.</p>"
    yield f"<details><summary>All settings ({len(rows)})</summary>"
    yield write_table(header, rows, label="All settings", texts=header) + "</details>"
    try:
        command = write_command(run, defaults)
    except CharRNNError as error:
        warn(f"the command that makes the run is unknown: {error}")
        return
    yield f'<h2>Command that makes the run</h2><pre tabindex="0" aria-label="Command">{escape_block(command)}</pre>'


def _write_machine(run: Overview, manifest: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for group in ("versions", "machine"):
        facts = manifest.get(group)
        rows += [(str(key), str(value) or "-") for key, value in (facts if isinstance(facts, dict) else {}).items()]
    if (precision := manifest.get("precision")) is not None:
        rows.append(("precision", str(precision)))
    summary = run.summary
    if summary.chars_per_second is not None:
        rows.append(("characters a second, in training", f"{summary.chars_per_second:,.0f}"))
    if summary.seconds is not None:
        rows.append(("seconds of the last session", f"{summary.seconds:,.1f}"))
    yield "<h2>Versions and machine</h2>"
    yield write_table(("fact", "value"), rows, label="Versions and machine", texts=("fact", "value"))


KIND = Kind(
    name="card",
    order=6,
    meaning="a model card: data, scores, curves, settings, limits, the command that makes the run",
    make=make_page,
    needs_network=False,
)
