"""`resume`: go on with a run that was stopped, or go on longer with one that ended."""

from collections.abc import Sequence

from charrnn_exp.commands.arguments import change_config, parse_words
from charrnn_exp.experiment.resume import resume_run
from charrnn_exp.machine.tensorflow import find_process_start
from charrnn_exp.run_folder.folder import find_run


def resume(words: Sequence[str]) -> None:
    """Go on with `run=REF` (default: latest) in its own folder, to `training.epochs` and `training.max_steps`.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints are not what they were.
    """
    parsed = parse_words(words, verb="resume")
    folder = find_run(parsed.own.get("run", "latest"))
    resume_run(folder, change_config(folder.read_values(), parsed), began=find_process_start())
