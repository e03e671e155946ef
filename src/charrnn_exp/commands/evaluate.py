"""`evaluate` scores existing runs on their own text or on files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import CHECKPOINT, RUN, UNKNOWN, Command, Word, offer_switch
from charrnn_exp.errors import UserError

FORMATS = ("table", "json")
DETAILS = """\
Scores the splits of the run's own text (default: all that its dataset.split makes), or files of yours:
  split=test            the test text only
  text=book.txt         all of a file, read in the encoding and unit of the run's own text; a symbol that the run
                        does not know is an error, with unknown=skip it is left out and counted
  text=A,B              each of several files, a row each
  dataset.path=FILE     where the run's own text has moved to; it must be the same
  checkpoint=best       with the weights of the lowest val_loss (default where early stopping ended the run)
  checkpoint=last       with the last ones (default elsewhere)
  details=true          by kind of symbol, position in line and word; how far probabilities are right (calibration)
  run=A,B,C             each of several runs of one vocabulary, and the mean of their probabilities: ensemble of 3
  adapt=sgd             dynamic evaluation: the weights follow the text that was scored, in memory alone, and a row
  adapt=rms             named so has the scores; rms scales each weight's step by its gradients on the training text;
                        default splits: val and test
  adapt_rate=0.00005    the learning rate of this
  window=256            from an empty state anew for each 256 characters, as a Transformer of that window does, whose
                        published numbers compare with these alone; default: the state is carried over the text
  format=json           table (default) or json, which has all numbers
The loss is in nats per character, and its standard error that of contiguous blocks (batch means). top-5: the share of
characters that were among the five likeliest. ppl/word: e to the nats of the text / number of words, which are what
white space parts; the end of a line counts as no word.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
  run=models:/NAME@ALIAS or models:/NAME/3    a registered model of the store, see register
"""


def run(words: Sequence[str]) -> None:
    """Print the scores of `run=REF` (default: latest) on the splits of its own text, or on `text=FILE`.

    Raises:
        CharRNNError: see `ask`, or if a word is unknown.
    """
    from charrnn_exp.commands.arguments import parse_arguments
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    form = _choose(parsed.arguments, "format", FORMATS)
    labels, answers = ask(parsed, terminal.warn)
    from charrnn_exp.views.scores import format_details, format_json, format_score_header, format_scores

    if form == "json":
        terminal.say_as_it_is(format_json([answer.as_dict() for answer in answers]))
        return
    layout = {"width": terminal.width, "names": labels}
    terminal.say_as_it_is(format_score_header(**layout))
    kept = []
    for answer in answers:
        terminal.say_as_it_is(format_scores(answer.label, answer.scores.list_all(), **layout))
        kept.append(answer)
    for answer in kept:
        if answer.scores.details is not None:
            terminal.say_as_it_is(format_details(answer.label, answer.scores.details.as_dict(), terminal.width))


def ask(parsed: Any, warn: Callable[[str], None]) -> Any:
    """Return the `Asked` of parsed words.

    Args:
        parsed: of `parse_arguments`.
        warn: called with a line for each damaged checkpoint that is skipped, and for each change of a file.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, its text has changed, split and text are both
            given, a word has a value that is not known, or a file is too short or does not fit its vocabulary.
    """
    from charrnn_exp.commands.arguments import (
        change_config,
        drop_tracking,
        read_amount,
        read_count,
        read_switch,
        read_tracking,
        read_unknown,
        split_names,
    )
    from charrnn_exp.evaluation.adaptation import read_adaptation
    from charrnn_exp.evaluation.from_run import score_runs
    from charrnn_exp.evaluation.question import Question
    from charrnn_exp.run_folder.folder import forget_tracking
    from charrnn_exp.tracking.fetch import find_run_anywhere

    given, changes = parsed.arguments, drop_tracking(parsed)
    texts = split_names(given["text"], key="text") if "text" in given else []
    question = Question(
        split=given.get("split"),
        texts=tuple(map(Path, texts)),
        unknown=read_unknown(parsed),
        checkpoint=given.get("checkpoint"),
        details=read_switch(given, "details"),
        adaptation=read_adaptation(given.get("adapt"), read_amount(given, "adapt_rate")),
        window=read_count(given, "window"),
    )
    references = split_names(given.get("run", "latest"), key="run")
    folders = [find_run_anywhere(each, lambda: read_tracking(parsed), needs_weights=True) for each in references]
    configs = [change_config(forget_tracking(folder.read_values()), changes) for folder in folders]
    return score_runs(folders, question, warn=warn, configs=configs if changes.settings else None)


def _choose(given: dict[str, str], key: str, choices: Sequence[str]) -> str:
    """Return the value of a word, by default the first choice."""
    typed = given.get(key, choices[0])
    if typed not in choices:
        raise UserError(f"{key} must be one of {', '.join(choices)}, got {typed!r}.")
    return typed


def _offer_splits() -> list[str]:
    from charrnn_exp.evaluation.from_run import SPLITS

    return [*SPLITS, "all"]


def _offer_rules() -> list[str]:
    from charrnn_exp.evaluation.adaptation import Rule

    return [rule.name for rule in Rule]


COMMAND = Command(
    name="evaluate",
    order=4,
    summary="loss, perplexity, accuracy of a run on a text:       evaluate run=latest split=test",
    usage="evaluate [run=REF[,REF]] [split=SPLIT] [text=FILE[,FILE]] [unknown=skip] [checkpoint=best]\n"
    "         [details=true] [adapt=rms] [adapt_rate=RATE] [window=N] [format=json] [dataset.path=FILE]",
    details=DETAILS,
    words=(
        RUN,
        Word("split", _offer_splits),
        Word("text"),
        UNKNOWN,
        CHECKPOINT,
        Word("details", offer_switch),
        Word("adapt", _offer_rules),
        Word("adapt_rate"),
        Word("window"),
        Word("format", lambda: list(FORMATS)),
    ),
    settings=("dataset.path", "tracking.uri"),
    groups=("tracking",),
    run=run,
)
