"""`evaluate`: how well a run that exists predicts its own text, or another."""

from collections.abc import Sequence
from pathlib import Path

from charrnn_exp.commands.arguments import parse_words
from charrnn_exp.evaluation.from_run import score_run
from charrnn_exp.run_folder.folder import find_run
from charrnn_exp.views.terminal import Terminal


def evaluate(words: Sequence[str]) -> None:
    """Print the scores of `run=REF` (default: latest) on the parts of its own text, or on `text=FILE`.

    `split=train|val|test|all` (default: all that the run's protocol has); `checkpoint=last` (default) or `best`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, its text has changed, or the file does not fit its
            vocabulary.
    """
    parsed = parse_words(words, verb="evaluate")
    folder = find_run(parsed.own.get("run", "latest"))
    text = parsed.own.get("text")
    scores = score_run(
        folder,
        split=parsed.own.get("split"),
        text=None if text is None else Path(text),
        checkpoint=parsed.own.get("checkpoint", "last"),
        warn=Terminal().warn,
    )
    from charrnn_exp.views.report import SCORE_HEADER, format_scores

    print(SCORE_HEADER, flush=True)
    for name, each in scores:
        print(format_scores(name, each.as_dict()), flush=True)
