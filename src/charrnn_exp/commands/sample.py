"""`sample` streams text from an existing run to the terminal."""

from collections.abc import Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command

DETAILS = """\
Writes text to standard output as it is drawn, with the run's own settings where none are given:
  sampling.length=4000 sampling.temperature=1 sampling.top_k=5 sampling.seed=7 sampling.num_samples=3
  sampling.temperature=0 is greedy: the likeliest symbol each time
  'sampling.prompt="ROMEO: say, what is"'    quotes within quotes, for commas, '=' and quotes
  sampling.prompt_file=FILE                  a UTF-8 file; - reads standard input
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
"""


def run(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn.

    `checkpoint=last` (default) or `checkpoint=best`; all of `sampling.*`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    from charrnn_exp.commands.arguments import change_config, parse_arguments
    from charrnn_exp.run_folder.folder import find_run, forget_tracking
    from charrnn_exp.sampling.from_run import sample_run
    from charrnn_exp.views.terminal import Terminal, write_stream

    parsed = parse_arguments(words, COMMAND)
    folder = find_run(parsed.arguments.get("run", "latest"))
    values = forget_tracking(folder.read_values())
    config = change_config(values, parsed)
    checkpoint = parsed.arguments.get("checkpoint", "last")
    for piece in sample_run(folder, config, checkpoint=checkpoint, warn=Terminal().warn):
        write_stream(piece)


COMMAND = Command(
    name="sample",
    order=3,
    summary="more text from a run:                                sample run=latest sampling.temperature=0.5",
    usage="sample [run=REF] [checkpoint=last|best] [sampling.*=...]",
    details=DETAILS,
    words=(RUN, CHECKPOINT),
    settings=("sampling.",),
    run=run,
)
