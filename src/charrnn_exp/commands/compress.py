"""`compress` writes a text as few bytes, by an arithmetic coder that the model of a run drives."""

from collections.abc import Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command, Word

DETAILS = """\
Writes a file that `decompress` makes the same bytes of, with the same weights of the same run:
  text=book.txt         read in the encoding and unit of the run's own text; a symbol that the run does not know, and
                        a text that reading changes (dataset.newlines=lf, say), are refused
  out=book.small        a new file
  checkpoint=best       with the weights of the lowest val_loss (default where early stopping ended the run)
  checkpoint=last       with the last ones (default elsewhere)
Its size is that of the bits per character that `evaluate` measures, and a header of about 500 bytes. The other side
needs the checkpoint, and a processor and TensorFlow that give the same last digits: the header says which they were.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
"""


def run(words: Sequence[str]) -> None:
    """Compress `text=FILE` into `out=FILE` with `run=REF` (default: latest), and print the sizes.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, `out` exists, or the file does not fit the run.
    """
    from charrnn_exp.coding.from_run import compress
    from charrnn_exp.commands.arguments import parse_arguments, read_file_words, read_tracking
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    text, out = read_file_words(parsed)
    reference = parsed.arguments.get("run", "latest")
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    sizes = compress(folder, text, out, checkpoint=parsed.arguments.get("checkpoint"), warn=terminal.warn)
    terminal.say(f"{out}: {sizes}")


COMMAND = Command(
    name="compress",
    order=5,
    summary="a text as few bytes, by the model of a run:          compress text=book.txt out=book.small",
    usage="compress text=FILE out=FILE [run=REF] [checkpoint=last|best] [tracking=server]",
    details=DETAILS,
    words=(RUN, Word("text"), Word("out"), CHECKPOINT),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)
