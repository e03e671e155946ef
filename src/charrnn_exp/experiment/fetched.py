"""A fetched run that goes on: in a new folder, as a new MLflow run that names the old one."""

from dataclasses import replace
from datetime import datetime

from charrnn_exp.config.choices import Backend
from charrnn_exp.errors import UserError
from charrnn_exp.experiment.job import Prepared
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.checkpoint import TRAINING
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder, make_run_folder
from charrnn_exp.tracking.mlflow_run import RESUMED_TAG
from charrnn_exp.views.terminal import Terminal


def check_training_state(folder: RunFolder, run_id: str) -> None:
    """Check that a fetched run can go on.

    Raises:
        UserError: if the store has its weights alone.
    """
    checkpoints = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    if not any((checkpoint.folder / TRAINING).exists() for checkpoint in checkpoints):
        raise UserError(
            f"run must be a run with its training state to go on, got {run_id}, of which the store has the weights "
            f"alone. A new run may start from them: {name_program()} training.init_from={run_id}"
        )


def start_copy(prepared: Prepared, source: RunFolder, run_id: str, terminal: Terminal) -> tuple[Prepared, RunFolder]:
    """Return the inputs of the run that goes on from a fetched one, and its folder, and say so; nothing is written.

    Args:
        prepared: inputs of the resumption.
        source: fetched run.
        run_id: its MLflow id.
        terminal: that says it.
    """
    folder = make_run_folder(prepared.config.name, datetime.now())
    where = "as a new run, untracked"
    if prepared.config.tracking.backend is not Backend.none:
        where = f"as a new MLflow run tagged {RESUMED_TAG}={run_id}"
    terminal.say(f"run {run_id} goes on {where}, in {folder.path}")
    step, last = prepared.resumption.step, source.read_summary().step
    if step is not None and step < last:
        terminal.say(f"its newest checkpoint in the store is of step {step:,}, its last step was {last:,}")
    return replace(prepared, resumption=replace(prepared.resumption, copied_from=source)), folder
