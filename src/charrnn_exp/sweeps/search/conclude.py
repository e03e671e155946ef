"""The end of a search: its best trials, what made the difference, and the command that trains the best again."""

import shlex
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from charrnn_exp.config.schema import TrackingConfig
from charrnn_exp.config.search import Search
from charrnn_exp.config.space import Numbers, Parameter, write_values
from charrnn_exp.config.words import show_word
from charrnn_exp.errors import CharRNNError, MachineError, UserError
from charrnn_exp.program import name_program
from charrnn_exp.sweeps.plan import DONE, FAILED, Plan
from charrnn_exp.sweeps.publish import send_missing_runs
from charrnn_exp.sweeps.search.jobs import PRUNED
from charrnn_exp.sweeps.search.page import Told, show_study
from charrnn_exp.sweeps.search.pictures import LEAST_IMPORTANCE, find_cost
from charrnn_exp.sweeps.search.trials import FOLDER, REASON, find_folder
from charrnn_exp.views.table import fit_columns, format_table
from charrnn_exp.views.terminal import Terminal

NUM_BEST = 10
"""Rows of the table."""


@dataclass(frozen=True)
class Ending:
    """Where the end of a search is told.

    Args:
        terminal: gets the lines.
        tracking: of the runs.
    """

    terminal: Terminal
    tracking: TrackingConfig


def conclude_search(study: optuna.Study, search: Search, plan: Plan, ending: Ending) -> None:
    """Print the best trials of a study; with several objectives, those that no other beats in all.

    Args:
        study: of the search.
        search: its space and objectives.
        plan: of the trials that ran here.
        ending: gets what is told.

    Raises:
        UserError: if no trial is complete and some failed here, all by mistakes of the user.
        MachineError: if trials failed here, not all by mistakes of the user.
    """
    trials = study.get_trials(deepcopy=False)
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    terminal, told = ending.terminal, None
    if done:
        best = _choose_best(study, done, search)
        front = f"trials that none beats in all objectives: {len(best)}" if len(study.directions) > 1 else "best trials"
        header, rows = _list_cells(best, search)
        told = Told(
            title=f"{front}, of {_count(trials)}", header=header, rows=rows, command=_write_command(best[0], search)
        )
        terminal.say(f"{told.title}:")
        keys = [each.key for each in search.space]
        terminal.say_as_it_is(fit_columns(header, rows, terminal.width, dropped_first=["folder", *reversed(keys)]))
        if len(done) >= LEAST_IMPORTANCE and len(search.space) > 1:
            _say_importances(study, search, terminal)
        terminal.say_as_it_is(f"{'train it again:':<18} {told.command}")
    send_missing_runs([plan.place(job) for job in plan.jobs if job.state in (DONE, PRUNED, FAILED)], terminal)
    if told is not None:
        show_study(study, search, plan, told, terminal, ending.tracking)
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
        "pruned": [trial for trial in trials if trial.state is TrialState.PRUNED and REASON not in trial.user_attrs],
        "failed": [trial for trial in trials if trial.state.is_finished() and REASON in trial.user_attrs],
        "running elsewhere": [trial for trial in trials if trial.state is TrialState.RUNNING],
        "waiting": [trial for trial in trials if trial.state is TrialState.WAITING],
    }
    return ", ".join(f"{len(found)} {name}" for name, found in states.items() if found)


def _list_cells(best: Sequence[FrozenTrial], search: Search) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of the table of trials."""
    keys = [each.key for each in search.space]
    rows = [
        [
            str(trial.number),
            *(f"{value:.6g}" for value in trial.values),
            *(_show(trial.params.get(key)) for key in keys),
            str(trial.user_attrs.get(FOLDER, "-")),
        ]
        for trial in best
    ]
    return ["trial", *search.config.objectives, *keys, "folder"], rows


def _say_importances(study: optuna.Study, search: Search, terminal: Terminal) -> None:
    for i, name in enumerate(search.config.objectives):
        # Errors are of trials that are all alike; the warning says that low values are taken for good ones.
        with suppress(ValueError, RuntimeError, ZeroDivisionError), warnings.catch_warnings(action="ignore"):
            found = optuna.importance.get_param_importances(study, target=find_cost(search, i))
            shares = ", ".join(f"{key} {share:.0%}" for key, share in found.items())
            terminal.say(f"importance for {name}: {shares}")


def _write_command(trial: FrozenTrial, search: Search) -> str:
    """Return the command that trains a trial again, alone and with the same numbers: with the threads that it had."""
    kept = [word for word in search.fixed if not word.lstrip("+").startswith(("hydra", "sweep.", "sweep="))]
    words = [word if "$" in word else show_word(word) for word in kept]
    words += write_values(search.space, trial.params)
    if not any(word.startswith("training.threads=") for word in words) and (folder := find_folder(trial)) is not None:
        with suppress(CharRNNError, OSError):
            if (threads := folder.read_config().training.threads) is not None:
                words.append(f"training.threads={threads}")
    return f"{name_program()} {shlex.join(words)}"


def _describe(parameter: Parameter) -> str:
    if isinstance(parameter, Numbers):
        by = "by their logarithm" if parameter.is_log else f"in steps of {parameter.step:g}" if parameter.step else ""
        return f"{parameter.low:g} to {parameter.high:g} {by}".strip()
    return ", ".join(parameter.values)


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
