"""`repair`: runs that died get their true status, and MLflow what it lacks of them."""

from collections.abc import Sequence
from functools import partial

from charrnn_exp.commands.arguments import Words, change_config, parse_words
from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.secrets import hide_secrets
from charrnn_exp.errors import CharRNNError, MachineError, UserError, one_line
from charrnn_exp.experiment.repair import repair_run
from charrnn_exp.run_folder.folder import RunFolder, RunInUseError, find_run, list_runs


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
            done = repair_run(folder, partial(_read_tracking, folder, parsed))
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


def _read_tracking(folder: RunFolder, words: Words) -> TrackingConfig:
    return change_config(folder.read_values(), words).tracking
