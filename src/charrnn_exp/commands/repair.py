"""`repair`: runs that died get their true status, and MLflow what it lacks of them."""

from collections.abc import Sequence

from charrnn_exp.commands.arguments import Words, change_config, parse_words
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder, RunInUseError, find_run, list_runs
from charrnn_exp.tracking.catch_up import catch_up

DEAD = "KILLED"
"""The status of a run whose process is gone without having written one."""


def repair(words: Sequence[str]) -> None:
    """Look at `run=REF` (default: all runs below outputs/); a run that is worked on is left alone.

    Raises:
        UserError: if there is no such run.
        MachineError: with a line for each run that could not be mended.
    """
    parsed = parse_words(words, verb="repair")
    folders = [find_run(parsed.own["run"])] if "run" in parsed.own else list_runs()
    if not folders:
        raise UserError("repair must find runs below outputs/, got none. `python -m charrnn_exp` makes the first.")
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


def _repair_run(folder: RunFolder, words: Words) -> list[str]:
    """Mend one run; return what was done, in words. A run that needs nothing is only read."""
    is_alive_or_dead = folder.read_summary().get("status", "RUNNING") == "RUNNING"
    if not is_alive_or_dead and folder.read_tracking().get("complete", True):
        return []
    with folder.lock():
        config = change_config(folder.read_values(), words)
        done = [_mark_dead(folder)] if is_alive_or_dead else []
        sent = catch_up(folder, config.tracking)
        return [*done, str(sent)] if sent is not None else done


def _mark_dead(folder: RunFolder) -> str:
    """Give a run whose process is gone a true summary."""
    found = CheckpointStore(folder.checkpoints, facts={}, num_rolling=1).find_all()
    newest = {"step": found[-1].step, "checkpoint": f"checkpoints/{found[-1].folder.name}"} if found else {}
    folder.write_summary({**folder.read_summary(), "status": DEAD, **newest})
    return f"died, now {DEAD}; go on with: python -m charrnn_exp resume run={folder.path}"
