"""`export` writes the model of a run as a file that other libraries read."""

from collections.abc import Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command, Word

DETAILS = """\
Writes a folder with the model, its vocabulary, its facts and a README.txt that says how to read it:
  format=saved_model    TensorFlow's SavedModel; of any cell, also of one that an installed package offers
  format=keras          a model of Keras' own layers
  format=npz            arrays for NumPy
  format=onnx           a graph for onnxruntime (python -m pip install "charrnn_exp[onnx]")
  out=exported          a new folder
  checkpoint=best       with the weights of the lowest val_loss (default where early stopping ended the run)
  checkpoint=last       with the last ones (default elsewhere)
The model takes ids [b, t] and states, and returns logits [b, t, v] and states, in float32: those of the run to 1e-5.
What a format cannot express is refused by name.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
"""


def run(words: Sequence[str]) -> None:
    """Write the model of `run=REF` (default: latest) as the new folder `out=PATH`, in `format=`, and print its size.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, `out` exists, or the format cannot express the
            model.
    """
    from charrnn_exp.commands.arguments import parse_arguments, read_new_path, read_tracking
    from charrnn_exp.exporting.from_run import export
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    out = read_new_path(parsed)
    reference = parsed.arguments.get("run", "latest")
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    num_bytes = export(
        folder,
        out,
        format_name=parsed.arguments.get("format"),
        checkpoint=parsed.arguments.get("checkpoint"),
        warn=terminal.warn,
    )
    terminal.say(f"{out}: {num_bytes:,} bytes")


def _offer_formats() -> list[str]:
    from charrnn_exp.exporting.formats import FORMATS

    return [*FORMATS]


COMMAND = Command(
    name="export",
    order=5,
    summary="the model for other libraries:                       export format=onnx out=exported",
    usage="export format=FORMAT out=PATH [run=REF] [checkpoint=last|best] [tracking=server]",
    details=DETAILS,
    words=(RUN, Word("format", _offer_formats), Word("out"), CHECKPOINT),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)
