"""One run, from checked settings to its end, in a new folder below outputs/."""

from collections.abc import Sequence
from datetime import datetime

from charrnn_exp.config.overrides import name_run
from charrnn_exp.config.schema import Config
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.shared_inputs import read_shared_inputs
from charrnn_exp.machine.tensorflow import find_process_start
from charrnn_exp.run_folder.folder import make_run_folder
from charrnn_exp.views.terminal import Terminal


def launch_run(config: Config, words: Sequence[str]) -> None:
    """Train one new run in this process; its text is read before its folder is made.

    Args:
        config: checked settings.
        words: overrides, which name the run.

    Raises:
        CharRNNError: if the text does not fit, the machine fails, or a signal stops the run.
    """
    config = read_shared_inputs([config]).put_into(config)
    terminal = Terminal()
    prepared = prepare_run(config, terminal=terminal)
    folder, name = make_run_folder(config.name, datetime.now()), config.tracking.run_name or name_run(words, set())
    start_run(Job.of(prepared, folder, name=name, began=find_process_start()), terminal)
