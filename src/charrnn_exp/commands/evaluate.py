"""`evaluate` scores an existing run on its own text or on a file."""

from collections.abc import Sequence
from pathlib import Path

from charrnn_exp.commands.command import CHECKPOINT, RUN, UNKNOWN, Command, Word

DETAILS = """\
Scores the splits of the run's own text (default: all that its dataset.split makes), or a file of yours:
  split=test            the test text only
  text=book.txt         all of a file, read in the encoding and unit of the run's own text; a symbol that the run
                        does not know is an error, with unknown=skip it is left out and counted
  dataset.path=FILE     where the run's own text has moved to; it must be the same
  checkpoint=best       with the weights of the lowest val_loss (default where early stopping ended the run)
  checkpoint=last       with the last ones (default elsewhere)
The loss is in nats per character, and its standard error that of contiguous blocks (batch means).
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
"""


def run(words: Sequence[str]) -> None:
    """Print the scores of `run=REF` (default: latest) on the splits of its own text, or on `text=FILE`.

    `unknown=skip` leaves out symbols of the file that the run does not know.
    `split=train|val|test|all` (default: every split that the run's `dataset.split` makes); `checkpoint=last|best`
    (default: best if early stopping ended the run, else last).

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, its text has changed, split and text are both
            given, the split is unknown, or the file is too short or does not fit its vocabulary.
    """
    from charrnn_exp.commands.arguments import (
        change_config,
        drop_tracking,
        parse_arguments,
        read_tracking,
        read_unknown,
    )
    from charrnn_exp.evaluation.from_run import OtherText, score_run
    from charrnn_exp.run_folder.folder import forget_tracking
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    unknown = read_unknown(parsed)
    text = parsed.arguments.get("text")
    reference, changes = parsed.arguments.get("run", "latest"), drop_tracking(parsed)
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    config = change_config(forget_tracking(folder.read_values()), changes) if changes.settings else None
    scores = score_run(
        folder,
        config=config,
        split=parsed.arguments.get("split"),
        text=None if text is None else OtherText(Path(text), unknown),
        checkpoint=parsed.arguments.get("checkpoint"),
        warn=terminal.warn,
    )
    from charrnn_exp.views.scores import format_score_header, format_scores

    print(format_score_header(terminal.width), flush=True)
    for name, each in scores:
        print(format_scores(name, each.as_dict(), terminal.width), flush=True)


def _offer_splits() -> list[str]:
    from charrnn_exp.evaluation.from_run import SPLITS

    return [*SPLITS, "all"]


COMMAND = Command(
    name="evaluate",
    order=4,
    summary="loss, perplexity, accuracy of a run on a text:       evaluate run=latest split=test",
    usage="evaluate [run=REF] [split=SPLIT] [text=FILE] [unknown=skip] [checkpoint=best] [dataset.path=FILE]",
    details=DETAILS,
    words=(RUN, Word("split", _offer_splits), Word("text"), UNKNOWN, CHECKPOINT),
    settings=("dataset.path", "tracking.uri"),
    groups=("tracking",),
    run=run,
)
