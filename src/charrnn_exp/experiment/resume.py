"""The resumption of a run: further training, or late tracking of a finished one."""

from collections.abc import Callable
from dataclasses import replace

from charrnn_exp.config.schema import Config, TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.data.batches import count_steps
from charrnn_exp.data.prompt import put_prompt, read_prompt_once
from charrnn_exp.errors import CharRNNError, one_line
from charrnn_exp.experiment.initial_weights import read_initial_weights
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder, RunInUseError
from charrnn_exp.tracking.catch_up import catch_up
from charrnn_exp.views.terminal import Terminal


def resume_run(folder: RunFolder, config: Config, *, began: float, say: Callable[[str], None] = print) -> None:
    """Train to `training.epochs` and `training.max_steps`; of a finished run, only complete the tracking.

    Args:
        folder: of the run.
        config: its settings with the changes for this session.
        began: `time.time()` when the session began.
        say: prints a line where nothing is left to train.

    Raises:
        CharRNNError: if the run's text or checkpoints have changed, or as for `start_run`.
    """
    config = replace(config, sampling=put_prompt(config.sampling, read_prompt_once([config])))
    terminal = Terminal()
    prepared = prepare_run(config, is_resumed=True, terminal=terminal)
    summary, num_steps = folder.read_summary(), count_steps(config.training, prepared.text.order)
    if summary.status == "FINISHED" and summary.step >= num_steps:
        say(
            f"run {folder.path} is finished: {summary.step} steps of {num_steps}. "
            f"To go on longer: {name_program()} resume run={folder.path} training.epochs={config.training.epochs * 2}"
        )
        _finish_tracking(folder, config.tracking, say)
        return
    store = CheckpointStore(folder.checkpoints, facts=prepared.list_facts(), num_rolling=1)
    store.check_newest()  # before anything in the folder changes
    # Only a run without a checkpoint needs the weights of the other run.
    if not store.find_all():
        prepared = replace(prepared, initial=read_initial_weights(config, prepared.text.corpus.vocabulary))
    name = summary.name or folder.read_tracking().get("name") or config.tracking.run_name or folder.path.name
    start_run(Job.of(prepared, folder, name=name, began=began, is_resumed=True), terminal)


def _finish_tracking(folder: RunFolder, tracking: TrackingConfig, say: Callable[[str], None]) -> None:
    """Send MLflow the data that a kill or an outage at the end of the run held up."""
    if folder.read_tracking().get("complete", True):
        return
    try:
        with folder.lock():
            sent = catch_up(folder, tracking)
    except RunInUseError:  # the run's own process is at it
        return
    except CharRNNError:
        raise
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        reason = hide_secrets(one_line(error))[:500]
        Terminal().warn(f"tracking failed; `{name_program()} repair` sends what it misses: {reason}")
        return
    if sent is not None:
        say(str(sent))
