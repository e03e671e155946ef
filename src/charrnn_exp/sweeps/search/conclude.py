"""The end of a search: its best trials, what made the difference, and the command that trains the best again."""

import shlex
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from charrnn_exp.config.search import Search
from charrnn_exp.config.space import Numbers, Parameter, write_values
from charrnn_exp.config.words import show_word
from charrnn_exp.errors import CharRNNError, MachineError, UserError
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.sweeps.plan import FAILED, Plan
from charrnn_exp.sweeps.search.trials import FOLDER, REASON
from charrnn_exp.views.table import fit_columns, format_table
from charrnn_exp.views.terminal import Terminal

NUM_BEST = 10
"""Rows of the table."""
LEAST_IMPORTANCE = 4
"""Complete trials, from which importances are computed."""


def conclude_search(study: optuna.Study, search: Search, plan: Plan, terminal: Terminal) -> None:
    """Print the best trials of a study; with several objectives, those that no other beats in all.

    Args:
        study: of the search.
        search: its space and objectives.
        plan: of the trials that ran here.
        terminal: gets the lines.

    Raises:
        UserError: if no trial is complete and some failed here, all by mistakes of the user.
        MachineError: if trials failed here, not all by mistakes of the user.
    """
    trials = study.get_trials(deepcopy=False)
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if done:
        best = _choose_best(study, done, search)
        front = f"trials that none beats in all objectives: {len(best)}" if len(study.directions) > 1 else "best trials"
        terminal.say(f"{front}, of {_count(trials)}:")
        terminal.say_as_it_is(_make_table(best, search, terminal))
        if len(done) >= LEAST_IMPORTANCE and len(search.space) > 1:
            _say_importances(study, search, terminal)
        terminal.say_as_it_is(f"train it again:  {_write_command(best[0], search)}")
    if failed := [job for job in plan.jobs if job.state == FAILED]:
        lines = [f"trial {job.tags.get('trial', '')} {job.name!r} failed: {job.reason}" for job in failed]
        if not all(job.is_mistake for job in failed):
            raise MachineError(*lines)
        if not done:
            raise UserError(*lines)


def show_search(search: Search, terminal: Terminal) -> None:
    """Print the settings that a search chooses, and what it may choose."""
    rows = [[each.key, _describe(each)] for each in search.space]
    terminal.say_as_it_is(format_table(["setting", "values"], rows, left=["setting", "values"]))


def _choose_best(study: optuna.Study, done: Sequence[FrozenTrial], search: Search) -> list[FrozenTrial]:
    if len(study.directions) > 1:
        return sorted(study.best_trials, key=lambda trial: trial.values)
    sign = -1 if search.config.list_directions() == ["maximize"] else 1
    return sorted(done, key=lambda trial: sign * float(trial.values[0]))[:NUM_BEST]


def _count(trials: Sequence[FrozenTrial]) -> str:
    states = {
        "complete": [trial for trial in trials if trial.state is TrialState.COMPLETE],
        "pruned": [trial for trial in trials if trial.state is TrialState.PRUNED],
        "failed": [trial for trial in trials if trial.state is TrialState.FAIL and REASON in trial.user_attrs],
        "running elsewhere": [trial for trial in trials if trial.state is TrialState.RUNNING],
        "waiting": [trial for trial in trials if trial.state is TrialState.WAITING],
    }
    return ", ".join(f"{len(found)} {name}" for name, found in states.items() if found)


def _make_table(best: Sequence[FrozenTrial], search: Search, terminal: Terminal) -> str:
    keys = [each.key for each in search.space]
    header = ["trial", *search.config.objectives, *keys, "folder"]
    rows = [
        [
            str(trial.number),
            *(f"{value:.6g}" for value in trial.values),
            *(_show(trial.params.get(key)) for key in keys),
            trial.user_attrs.get(FOLDER, "-"),
        ]
        for trial in best
    ]
    return fit_columns(header, rows, terminal.width, dropped_first=["folder", *reversed(keys)])


def _say_importances(study: optuna.Study, search: Search, terminal: Terminal) -> None:
    signs = [-1 if direction == "maximize" else 1 for direction in search.config.list_directions()]
    for i, name in enumerate(search.config.objectives):
        # Errors are of trials that are all alike; the warning says that low values are taken for good ones.
        with suppress(ValueError, RuntimeError, ZeroDivisionError), warnings.catch_warnings(action="ignore"):
            found = optuna.importance.get_param_importances(
                study, target=lambda trial, i=i: signs[i] * float(trial.values[i])
            )
            shares = ", ".join(f"{key} {share:.0%}" for key, share in found.items())
            terminal.say(f"importance for {name}: {shares}")


def _write_command(trial: FrozenTrial, search: Search) -> str:
    """Return the command that trains a trial again, alone and with the same numbers: with the threads that it had."""
    kept = [word for word in search.fixed if not word.lstrip("+").startswith(("hydra", "sweep.", "sweep="))]
    words = [word if "$" in word else show_word(word) for word in kept]
    words += write_values(search.space, trial.params)
    if not any(word.startswith("training.threads=") for word in words) and FOLDER in trial.user_attrs:
        with suppress(CharRNNError, OSError):
            words.append(f"training.threads={RunFolder(Path(trial.user_attrs[FOLDER])).read_config().training.threads}")
    return f"{name_program()} {shlex.join(words)}"


def _describe(parameter: Parameter) -> str:
    if isinstance(parameter, Numbers):
        by = "by their logarithm" if parameter.is_log else f"in steps of {parameter.step:g}" if parameter.step else ""
        return f"{parameter.low:g} to {parameter.high:g} {by}".strip()
    return ", ".join(parameter.values)


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
