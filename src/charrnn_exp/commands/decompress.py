"""`decompress` makes a text of a file that `compress` wrote."""

from collections.abc import Sequence

from charrnn_exp.commands.command import RUN, Command, Word

DETAILS = """\
Writes the very bytes that were compressed, or nothing:
  text=book.small       a file that `compress` wrote
  out=book.txt          a new file
The run must have the checkpoint that it was compressed with; it is found by its hash. What has changed of the machine
and of TensorFlow since is told before: if the model's last digits have changed, another text comes out, and it is not
written.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
"""


def run(words: Sequence[str]) -> None:
    """Decompress `text=FILE` into `out=FILE` with `run=REF` (default: latest), and print the size.

    Raises:
        CharRNNError: if there is no such run, it lacks the weights, `out` exists, the file is damaged, or another text
            comes out.
    """
    from charrnn_exp.coding.from_run import decompress
    from charrnn_exp.commands.arguments import parse_arguments, read_file_words, read_tracking
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    text, out = read_file_words(parsed)
    reference = parsed.arguments.get("run", "latest")
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    header = decompress(folder, text, out, warn=terminal.warn)
    terminal.say(f"{out}: {header.num_bytes:,} bytes, the same that were compressed")


COMMAND = Command(
    name="decompress",
    order=5,
    summary="and the text again:                                  decompress text=book.small out=book.txt",
    usage="decompress text=FILE out=FILE [run=REF] [tracking=server]",
    details=DETAILS,
    words=(RUN, Word("text"), Word("out")),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)
