"""`repair` gives runs that died their true status, and sends MLflow the data it lacks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from charrnn_exp.commands.command import RUN, Command
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.program import name_program

DETAILS = """\
Looks at all runs below outputs/, or at one. A run whose process died without writing its end gets the status
KILLED; MLflow gets the metrics, files and status that an outage or a kill kept from it. A run in use is left alone.
A store that was moved or copied with its checkout gets paths that lead to where it lies now.
"""


def run(words: Sequence[str]) -> None:
    """Repair `run=REF` (default: all runs below outputs/); a run in use is left alone.

    Raises:
        UserError: if there is no such run; with a line for each run that could not be mended, if the user can help all.
        MachineError: the same, if not.
    """
    from charrnn_exp.commands.arguments import parse_arguments
    from charrnn_exp.config.secrets import hide_secrets
    from charrnn_exp.experiment.repair import repair_run
    from charrnn_exp.run_folder.finding import find_run, list_runs
    from charrnn_exp.run_folder.folder import RunInUseError
    from charrnn_exp.tracking.store import mend_local_store

    parsed = parse_arguments(words, COMMAND)
    folders = [find_run(parsed.arguments["run"])] if "run" in parsed.arguments else list_runs()
    if not folders:
        raise UserError(f"no runs below outputs/: `{name_program()}` makes the first.")
    failures, are_mistakes = [], True
    num_right = 0
    for folder in folders:
        try:
            if parsed.settings:  # also where there is nothing to repair
                _read_tracking(folder, parsed)
            done = repair_run(folder, partial(_read_tracking, folder, parsed))
        except RunInUseError as error:
            done = [f"left alone: {one_line(error)}"]
        except CharRNNError as error:
            failures.append(f"run {folder.path}: {one_line(error)}")
            are_mistakes &= isinstance(error, UserError)
            continue
        except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
            failures.append(
                f"run {folder.path}: MLflow did not answer ({hide_secrets(one_line(error))[:500]}); run repair again."
            )
            are_mistakes = False
            continue
        num_right += not done
        if done:
            print(f"{folder.path}: {', '.join(done)}", flush=True)
    if len(failures) < len(folders):  # a call that is refused as a whole changes nothing
        try:
            if (mended := mend_local_store()) is not None:
                print(mended, flush=True)
        except CharRNNError as error:
            failures.append(one_line(error))
            are_mistakes = False
    print(f"{num_right} of {len(folders)} runs needed nothing", flush=True)
    if failures:
        raise (UserError if are_mistakes else MachineError)(*failures)


def _read_tracking(folder: Any, words: Any) -> Any:
    from charrnn_exp.commands.arguments import change_config

    return change_config(folder.read_values(), words).tracking


COMMAND = Command(
    name="repair",
    order=9,
    summary="mark runs that died, send MLflow what it missed",
    usage="repair [run=REF] [tracking.*=...]",
    details=DETAILS,
    words=(RUN,),
    settings=("tracking.",),
    run=run,
)
