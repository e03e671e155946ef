"""`sample` streams text from an existing run to the terminal."""

import sys
from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import CHECKPOINT, RUN, UNKNOWN, Command, Word, offer_switch

DETAILS = """\
Writes text to standard output as it is drawn, with the run's own settings where none are given:
  sampling.length=4000 sampling.temperature=1 sampling.top_k=5 sampling.seed=7 sampling.num_samples=3
  sampling.temperature=0 is greedy: the likeliest symbol each time
  sampling.seed=null is another text each time; the seed that gives it again is told
  sampling.stop=TEXT ends it there ($'\\n': at the end of a line); sampling.beams=20 searches the likeliest text
  -m sampling.temperature=0.5,0.8,1        a text for each, side by side where the terminal is wide enough
  sampling.prompt="ROMEO: say, what is"    any text, quoted for your shell
  sampling.prompt_file=FILE                a UTF-8 file; - reads standard input
  interactive=true                         you type, the model goes on; :help says what else you may type
  run=A,B,C                                the mean of the probabilities of several runs of the same symbols
  checkpoint=best                          the weights of the lowest val_loss, default where early stopping ended
                                           the run; checkpoint=last: the last ones, default elsewhere
  unknown=skip                             symbols of the prompt that the run does not know are left out
  dataset.encoding=cp1252                  of a model of bytes: the encoding of its text, for prompt and terminal
A model of bytes writes the bytes themselves into a pipe or a file.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
  run=models:/NAME@ALIAS or models:/NAME/3    a registered model of the store, see register
"""
INTERACTIVE = Word("interactive", offer_switch)


def run(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn; of several, by their mean.

    `checkpoint=last|best` (default: best if early stopping ended the run, else last). `unknown=skip` leaves out symbols
    of the prompt that the run does not know. `sampling.*` changes its settings; with `-m` each combination of their
    values is asked for. `interactive=true` takes the text from the keyboard.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    from charrnn_exp.commands.arguments import read_switch
    from charrnn_exp.sampling.from_run import sample_runs
    from charrnn_exp.streams import find_width
    from charrnn_exp.views.terminal import is_terminal, write_stream

    pairs = [word.partition("=") for word in words]
    if read_switch({key: value for key, _, value in pairs if key == INTERACTIVE.name}, INTERACTIVE.name):
        from charrnn_exp.commands.interactive import talk

        (opened,) = open_words(words)
        talk(opened, COMMAND)
        return
    opened = open_words(words)
    width = find_width(sys.stdout) if len(opened) > 1 and is_terminal() else None
    if width is not None and _show_columns(opened, width):
        return
    for piece in sample_runs(opened, is_raw=not is_terminal()):
        write_stream(piece)


def open_words(words: Sequence[str]) -> list[Any]:
    """Return what the words ask for, opened (see `from_run.Opened`): with -m one for each combination of values."""
    from charrnn_exp.commands.arguments import (
        change_config,
        drop_tracking,
        parse_arguments,
        read_switch,
        read_tracking,
        read_unknown,
        split_names,
        split_values,
    )
    from charrnn_exp.commands.interactive import check_talk
    from charrnn_exp.run_folder.folder import forget_tracking
    from charrnn_exp.sampling.from_run import Asked, open_runs
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    jobs = split_values(words, COMMAND)
    parsed = [parse_arguments(job, COMMAND) for job, _ in jobs]
    first = parsed[0]
    unknown = read_unknown(first)
    folders = [
        find_run_anywhere(each, lambda: read_tracking(first), needs_weights=True)
        for each in split_names(first.arguments.get("run", "latest"), key="run")
    ]
    values = forget_tracking(folders[0].read_values())
    asked = [
        Asked(config=change_config(values, drop_tracking(each)), title=title)
        for each, (_, title) in zip(parsed, jobs, strict=True)
    ]
    if read_switch(first.arguments, INTERACTIVE.name):
        check_talk(asked)
    checkpoint = first.arguments.get("checkpoint")
    return open_runs(folders, asked, checkpoint=checkpoint, warn=Terminal().warn, unknown=unknown)


def _show_columns(opened: Sequence[Any], width: int) -> bool:
    """Write the first text of each side by side; return whether the terminal is wide enough."""
    from charrnn_exp.views.columns import lay_side_by_side
    from charrnn_exp.views.terminal import write_stream

    if lay_side_by_side([(each.asked.title, "") for each in opened], width) is None:
        return False
    if any(each.asked.config.sampling.num_samples > 1 for each in opened):
        return False
    shown = lay_side_by_side([(each.asked.title, each.show(each.write()[0])) for each in opened], width)
    write_stream(f"{shown}\n")
    return True


COMMAND = Command(
    name="sample",
    order=3,
    summary="more text from a run:                                sample run=latest sampling.temperature=0.5",
    usage="sample [run=REF] [checkpoint=best] [interactive=true] [unknown=skip] [-m] [sampling.*=...]",
    details=DETAILS,
    words=(RUN, CHECKPOINT, UNKNOWN, INTERACTIVE),
    settings=("sampling.", "dataset.encoding", "tracking.uri"),
    groups=("tracking",),
    flags=("-m",),
    run=run,
)
