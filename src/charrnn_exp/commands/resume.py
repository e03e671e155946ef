"""`resume` continues a stopped run or sweep, or trains a finished run longer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charrnn_exp.commands.command import RUN, Command
from charrnn_exp.config.resumable import RESUMABLE
from charrnn_exp.errors import UserError
from charrnn_exp.program import name_program

DETAILS = """\
Resumes in the run's own folder from its newest whole checkpoint; the numbers are those of an uninterrupted run.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
A run of the store goes on in a new folder, as a new MLflow run with the tag resumed_from=ID.
The folder of a sweep, outputs/NAME/DATE/TIME, goes on with the jobs that are not done: run=SWEEP sweep.jobs=2

A run may go on with other settings, from the next update on:
  training.epochs=20 training.max_steps=5000         longer
  optimizer.learning_rate=0.001, and the rest of the schedule, clip_norm, clip_value, weight_decay
  model.dropout=0.3, and the other dropouts
  training.batch_size=32 training.sequence_length=128   from the next epoch on, with an empty state
  training.early_stopping_patience=4, and how often it validates and saves
  sampling.*, tracking.*, and dataset.path where the same text has moved
changes.json in the run folder lists them; a later resume goes on with them. Other settings need a new run:
  {program} training.init_from=REF ...

With a larger training.epochs, a cosine schedule is stretched over the new total, and the learning rate jumps up from
near 0: a warning names both rates. Without the jump, go on at a constant rate of your choice:
  {program} resume training.epochs=20 optimizer.schedule=constant optimizer.learning_rate=0.0004
"""


def run(words: Sequence[str]) -> None:
    """Resume `run=REF` (default: latest) in its own folder, also with some settings changed; or a sweep.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints have changed.
    """
    from charrnn_exp.commands.arguments import parse_arguments
    from charrnn_exp.machine.tensorflow import find_process_start
    from charrnn_exp.sweeps.plan import is_sweep

    folder = next((Path(word.removeprefix("run=")) for word in words if word.startswith("run=")), None)
    if folder is not None and is_sweep(folder):
        from charrnn_exp.sweeps.launch import resume_sweep

        resume_sweep(folder, [word for word in words if not word.startswith("run=")])
        return
    parsed = parse_arguments(words, COMMAND)
    resume_reference(parsed.arguments.get("run", "latest"), parsed, began=find_process_start())


def resume_reference(reference: str, parsed: Any, *, began: float) -> Any:
    """Resume a run; return the folder in which it went on.

    Args:
        reference: of the run.
        parsed: words of the verb.
        began: `time.time()` when the session began.

    Raises:
        CharRNNError: as for `run`.
    """
    from charrnn_exp.commands.arguments import change_config, read_tracking
    from charrnn_exp.experiment.resume import resume_run
    from charrnn_exp.tracking.fetch import find_fetched_id, find_run_anywhere
    from charrnn_exp.tracking.mlflow_run import RESUMED_TAG
    from charrnn_exp.tracking.registered import PREFIX

    if reference.startswith(PREFIX):
        raise UserError(
            f"run must be a run with its training state, got {reference!r}, a registered model, which has weights "
            f"alone. A new run may start from them: {name_program()} training.init_from={reference}"
        )
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed))
    values, run_id = folder.read_values(), find_fetched_id(folder)
    if run_id is not None:
        values = _change_store(values, read_tracking(parsed), {RESUMED_TAG: run_id})
    elif parsed.groups:
        values = _change_store(values, read_tracking(parsed), {})
    return resume_run(folder, change_config(values, parsed), began=began)


def _change_store(values: dict[str, Any], store: Any, tags: dict[str, str]) -> dict[str, Any]:
    """Return the settings of a run with the store at hand in place of its own, and further tags."""
    tracking = values.get("tracking")
    if not isinstance(tracking, dict) or not isinstance(tracking.get("tags"), dict):
        return values  # damaged, which the checks of settings tell
    changed = {"backend": store.backend.name, "uri": store.uri, "tags": {**tracking["tags"], **tags}}
    return {**values, "tracking": {**tracking, **changed}}


COMMAND = Command(
    name="resume",
    order=2,
    summary="go on with a run that was stopped, or go on longer:  resume run=latest training.epochs=20",
    usage="resume [run=REF] [training.epochs=N] [setting=value ...] [tracking=server]",
    details=DETAILS,
    words=(RUN,),
    settings=RESUMABLE,
    groups=("tracking",),
    way_out="A new run may start from its weights with training.init_from=RUN.",
    run=run,
)
