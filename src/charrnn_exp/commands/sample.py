"""`sample` streams text from an existing run to the terminal."""

from collections.abc import Iterator, Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, UNKNOWN, Command

DETAILS = """\
Writes text to standard output as it is drawn, with the run's own settings where none are given:
  sampling.length=4000 sampling.temperature=1 sampling.top_k=5 sampling.seed=7 sampling.num_samples=3
  sampling.temperature=0 is greedy: the likeliest symbol each time
  sampling.prompt="ROMEO: say, what is"    any text, quoted for your shell
  sampling.prompt_file=FILE                a UTF-8 file; - reads standard input
  checkpoint=best                          the weights of the lowest val_loss, default where early stopping ended
                                           the run; checkpoint=last: the last ones, default elsewhere
  unknown=skip                             symbols of the prompt that the run does not know are left out
  dataset.encoding=cp1252                  of a model of bytes: the encoding of its text, for prompt and terminal
A model of bytes writes the bytes themselves into a pipe or a file.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
"""


def run(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn.

    `checkpoint=last|best` (default: best if early stopping ended the run, else last); `unknown=skip`; `sampling.*`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    from charrnn_exp.views.terminal import is_terminal, write_stream

    for piece in draw_text(words, is_raw=not is_terminal()):
        write_stream(piece)


def draw_text(words: Sequence[str], *, is_raw: bool = False) -> Iterator[str | bytes]:
    """Yield the text of the words in pieces, see `run`; `is_raw`: a model of bytes yields the bytes themselves."""
    from charrnn_exp.commands.arguments import (
        change_config,
        drop_tracking,
        parse_arguments,
        read_tracking,
        read_unknown,
    )
    from charrnn_exp.run_folder.folder import forget_tracking
    from charrnn_exp.sampling.from_run import sample_run
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed = parse_arguments(words, COMMAND)
    unknown = read_unknown(parsed)
    reference = parsed.arguments.get("run", "latest")
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    values = forget_tracking(folder.read_values())
    config = change_config(values, drop_tracking(parsed))
    checkpoint = parsed.arguments.get("checkpoint")
    yield from sample_run(folder, config, checkpoint=checkpoint, warn=Terminal().warn, unknown=unknown, is_raw=is_raw)


COMMAND = Command(
    name="sample",
    order=3,
    summary="more text from a run:                                sample run=latest sampling.temperature=0.5",
    usage="sample [run=REF] [checkpoint=last|best] [unknown=skip] [sampling.*=...] [tracking=server]",
    details=DETAILS,
    words=(RUN, CHECKPOINT, UNKNOWN),
    settings=("sampling.", "dataset.encoding", "tracking.uri"),
    groups=("tracking",),
    run=run,
)
