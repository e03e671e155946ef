"""`resume`: go on with a run that was stopped, or go on longer with one that ended."""

from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import RUN, Command
from charrnn_exp.errors import CharRNNError, one_line
from charrnn_exp.program import name_program

DETAILS = """\
Goes on in the run's own folder from its newest whole checkpoint, to the same numbers as if it had never stopped.
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
With more epochs than before, a cosine schedule is stretched over the new total.
"""


def run(words: Sequence[str]) -> None:
    """Go on with `run=REF` (default: latest) in its own folder, to `training.epochs` and `training.max_steps`.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints are not what they were.
    """
    from charrnn_exp.commands.arguments import change_config, parse_words
    from charrnn_exp.data.preparation import prepare_text
    from charrnn_exp.experiment.initial_weights import read_initial_weights
    from charrnn_exp.experiment.prepare import start_run
    from charrnn_exp.machine.tensorflow import find_process_start
    from charrnn_exp.run_folder.checkpoints import CheckpointStore
    from charrnn_exp.run_folder.folder import find_run

    parsed = parse_words(words, COMMAND)
    folder = find_run(parsed.own.get("run", "latest"))
    config = change_config(folder.read_values(), parsed)
    text = prepare_text(config)
    if _is_finished(folder, config, text):
        _finish_tracking(folder, config)
        return
    # A run that has no checkpoint yet begins where it began; one that has needs the other run no more.
    has_checkpoint = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    initial = None if has_checkpoint else read_initial_weights(config, text.corpus.vocabulary)
    name, began = config.tracking.run_name or folder.path.name, find_process_start()
    start_run(config, text, folder, name=name, tags={}, initial=initial, resume=True, began=began)


def _is_finished(folder: Any, config: Any, text: Any) -> bool:
    """Return whether there is nothing left to do, and say so."""
    from charrnn_exp.data.batches import count_steps

    summary, num_steps = folder.read_summary(), count_steps(config.training, text.order)
    finished = bool(summary.get("status") == "FINISHED" and summary["step"] >= num_steps)
    if finished:
        print(
            f"run {folder.path} is finished: {summary['step']} steps of {num_steps}. "
            f"To go on longer: {name_program()} resume run={folder.path} training.epochs={config.training.epochs * 2}"
        )
    return finished


def _finish_tracking(folder: Any, config: Any) -> None:
    """Send MLflow what a kill or an outage in the last moment of the run kept from it."""
    from charrnn_exp.config.secrets import hide_secrets
    from charrnn_exp.run_folder.folder import RunInUseError
    from charrnn_exp.tracking.catch_up import catch_up
    from charrnn_exp.views.terminal import Terminal

    if folder.read_tracking().get("complete", True):
        return
    try:
        with folder.lock():
            sent = catch_up(folder, config.tracking)
    except RunInUseError:  # the run's own process is at it
        return
    except CharRNNError:
        raise
    except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
        reason = hide_secrets(one_line(error))[:500]
        Terminal().warn(f"tracking failed; `{name_program()} repair` sends what it misses: {reason}")
        return
    if sent is not None:
        print(sent)


COMMAND = Command(
    name="resume",
    order=2,
    summary="go on with a run that was stopped, or go on longer:  resume run=latest training.epochs=20",
    usage="resume [run=REF] [training.epochs=N] [training.max_steps=N] [tracking.*=...]",
    details=DETAILS,
    words=(RUN,),
    settings=("training.epochs", "training.max_steps", "tracking."),
    run=run,
)
