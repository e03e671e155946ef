"""`resume` continues a stopped run, or trains a finished one longer."""

from collections.abc import Sequence

from charrnn_exp.commands.command import RUN, Command

DETAILS = """\
Resumes in the run's own folder from its newest whole checkpoint; the numbers are those of an uninterrupted run.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/.
With a larger training.epochs, a cosine schedule is stretched over the new total.
"""


def run(words: Sequence[str]) -> None:
    """Resume `run=REF` (default: latest) in its own folder, up to `training.epochs` and `training.max_steps`.

    Raises:
        CharRNNError: if there is no such run, or its text or checkpoints have changed.
    """
    from charrnn_exp.commands.arguments import change_config, parse_arguments
    from charrnn_exp.experiment.resume import resume_run
    from charrnn_exp.machine.tensorflow import find_process_start
    from charrnn_exp.run_folder.finding import find_run

    parsed = parse_arguments(words, COMMAND)
    folder = find_run(parsed.arguments.get("run", "latest"))
    resume_run(folder, change_config(folder.read_values(), parsed), began=find_process_start())


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
