"""`repair`: runs that died get their true status, and MLflow what it lacks of them."""

from collections.abc import Sequence
from typing import Any

from charrnn_exp.commands.command import RUN, Command
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.program import name_program

DEAD = "KILLED"
"""The status of a run whose process is gone without having written one."""


DETAILS = """\
Looks at all runs below outputs/, or at one. A run whose process is gone without a word gets the status KILLED, and
MLflow the metrics, files and status that it lacks, after an outage or a kill. A run that is worked on is left alone.
"""


def run(words: Sequence[str]) -> None:
    """Look at `run=REF` (default: all runs below outputs/); a run that is worked on is left alone.

    Raises:
        UserError: if there is no such run.
        MachineError: with a line for each run that could not be mended.
    """
    from charrnn_exp.commands.arguments import parse_words
    from charrnn_exp.config.secrets import hide_secrets
    from charrnn_exp.run_folder.folder import RunInUseError, find_run, list_runs

    parsed = parse_words(words, COMMAND)
    folders = [find_run(parsed.own["run"])] if "run" in parsed.own else list_runs()
    if not folders:
        raise UserError(f"repair must find runs below outputs/, got none. `{name_program()}` makes the first.")
    failures = []
    num_right = 0
    for folder in folders:
        try:
            done = _repair_run(folder, parsed)
        except RunInUseError as error:
            done = [f"left alone: {one_line(error)}"]
        except CharRNNError as error:
            failures.append(f"run {folder.path}: {one_line(error)}")
            continue
        except Exception as error:  # MLflow raises its own, requests' and SQLAlchemy's
            failures.append(f"run {folder.path} must reach MLflow, got {hide_secrets(one_line(error))[:500]}.")
            continue
        num_right += not done
        if done:
            print(f"{folder.path}: {', '.join(done)}", flush=True)
    print(f"{num_right} of {len(folders)} runs needed nothing", flush=True)
    if failures:
        raise MachineError(*failures)


def _repair_run(folder: Any, words: Any) -> list[str]:
    """Mend one run; return what was done, in words. A run that needs nothing is only read."""
    from charrnn_exp.commands.arguments import change_config
    from charrnn_exp.tracking.catch_up import catch_up

    is_alive_or_dead = folder.read_summary().get("status", "RUNNING") == "RUNNING"
    if not is_alive_or_dead and folder.read_tracking().get("complete", True):
        return []
    with folder.lock():
        config = change_config(folder.read_values(), words)
        done = [_mark_dead(folder)] if is_alive_or_dead else []
        sent = catch_up(folder, config.tracking)
        return [*done, str(sent)] if sent is not None else done


def _mark_dead(folder: Any) -> str:
    """Give a run whose process is gone a true summary."""
    from charrnn_exp.run_folder.checkpoints import CheckpointStore

    found = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    newest = {"step": found[-1].step, "checkpoint": f"checkpoints/{found[-1].folder.name}"} if found else {}
    folder.write_summary({**folder.read_summary(), "status": DEAD, **newest})
    return f"died, now {DEAD}; go on with: {name_program()} resume run={folder.path}"


COMMAND = Command(
    name="repair",
    order=6,
    summary="mark runs that died, send MLflow what it missed",
    usage="repair [run=REF] [tracking.*=...]",
    details=DETAILS,
    words=(RUN,),
    settings=("tracking.",),
    run=run,
)
