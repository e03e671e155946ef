"""`sample`: text from a run that exists, streamed to the terminal."""

from collections.abc import Sequence

from charrnn_exp.commands.arguments import change_config, parse_words
from charrnn_exp.run_folder.folder import find_run, forget_tracking
from charrnn_exp.sampling.from_run import sample_run
from charrnn_exp.views.terminal import Terminal, write_stream


def sample(words: Sequence[str]) -> None:
    """Write text of `run=REF` (default: latest) to standard output as it is drawn.

    `checkpoint=last` (default) or `checkpoint=best`; all of `sampling.*`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the prompt does not fit its vocabulary.
    """
    parsed = parse_words(words, verb="sample")
    folder = find_run(parsed.own.get("run", "latest"))
    values = forget_tracking(folder.read_values())
    # A prompt on the command line takes the place of either way the run had it.
    changed = {override.key_or_group for override in parsed.settings}
    for one, other in (("prompt", "prompt_file"), ("prompt_file", "prompt")):
        own = values.get("sampling")
        if f"sampling.{one}" in changed and f"sampling.{other}" not in changed and isinstance(own, dict):
            own[other] = None
    config = change_config(values, parsed)
    checkpoint = parsed.own.get("checkpoint", "last")
    for piece in sample_run(folder, config, checkpoint=checkpoint, warn=Terminal().warn):
        write_stream(piece)
