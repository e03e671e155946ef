"""The trials of a study that several processes may share: none is begun beyond the number asked for, none is lost.

A trial counts if it is complete, pruned, running, or failed by itself. The values of a trial whose process has died go
into the study's queue again, so that its run goes on, and it is failed.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from charrnn_exp.run_folder.folder import OUTPUTS, RunFolder
from charrnn_exp.sweeps.search.owners import Owners, name_this
from charrnn_exp.sweeps.search.sampler import RETRY, SURPLUS, Grid

OWNER, REASON, FOLDER = "process", "reason", "folder"
"""Attributes of trials."""
MAX_REASON = 500


@dataclass
class Counts:
    """The trials of a study by their state.

    Args:
        complete: with a result.
        pruned: stopped by their validation losses.
        failed: by themselves.
        running: here or elsewhere.
        waiting: to be repeated.
    """

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0

    @property
    def begun(self) -> int:
        """All that count but those to be repeated."""
        return self.complete + self.pruned + self.failed + self.running


class Trials:
    """The trials of a study as one process works on them.

    Args:
        study: of the trials.
        distributions: of the values to choose.
        num_trials: of the study, in all.
    """

    def __init__(self, study: optuna.Study, distributions: Mapping[str, Any], num_trials: int) -> None:
        self._study, self._distributions, self._num_trials = study, dict(distributions), num_trials
        self._owners = Owners(study)

    def beat(self) -> None:
        """Tell the other processes that this one is there."""
        self._owners.beat()

    def ask(self) -> Trial | None:
        """Return a new trial, or one to be repeated, with its values; None: the study has as many as it shall."""
        self.take_over()
        while self.has_left():
            try:
                trial = self._study.ask(self._distributions)
                trial.set_user_attr(OWNER, name_this())
                if self._count_before(trial) < self._num_trials and not self._is_repeated_twice(trial):
                    return trial
                trial.set_user_attr(SURPLUS, True)  # another process asked, or repeated the same, at the same time
            except UpdateFinishedTrialError:
                continue  # this process stood still for so long that another took it for dead
            self._tell(trial, state=TrialState.FAIL)
        return None

    def take_over(self) -> None:
        """Put the trials of processes that have died into the queue again."""
        for trial in self._list_foreign():
            if self._owners.is_dead(_name_owner(trial)):
                self.repeat(trial)

    def repeat(self, trial: FrozenTrial | Trial) -> None:
        """Put the values of a running trial into the queue, then fail it: no other trial is begun in its place."""
        params = dict(trial.params)
        if len(params) < len(self._distributions):  # the process died while they were drawn
            sampler = self._study.sampler
            params = dict(sampler.find_cell(self._study, trial.number)) if isinstance(sampler, Grid) else {}
        if params:
            folder = {FOLDER: trial.user_attrs[FOLDER]} if FOLDER in trial.user_attrs else {}
            self._study.enqueue_trial(params, user_attrs={RETRY: trial.number, **folder})
        self._tell(trial, state=TrialState.FAIL)

    def is_undecided(self) -> bool:
        """Return whether a trial runs in a process that may be alive or dead."""
        return any(not self._owners.is_alive(_name_owner(trial)) for trial in self._list_foreign())

    def report(self, trial: Trial, step: int, loss: float) -> bool:
        """Store a validation loss of a trial, once a step; return whether the trial is still this process's own."""
        if self._find(trial).state.is_finished():
            return False
        with suppress(UpdateFinishedTrialError):  # at this very moment
            if len(self._study.directions) == 1 and step not in self._find(trial).intermediate_values:
                trial.report(loss, step)
        return True

    def keep_folder(self, trial: Trial, folder: str) -> None:
        """Store the folder of the run of a trial, where it goes on if it is repeated."""
        with suppress(UpdateFinishedTrialError):  # another process took this one for dead
            trial.set_user_attr(FOLDER, folder)

    def should_prune(self, trial: Trial) -> bool:
        """Return whether a trial shall be stopped by its validation losses."""
        return len(self._study.directions) == 1 and bool(trial.should_prune())

    def complete(self, trial: Trial, values: Sequence[float]) -> None:
        """Store the result of a trial."""
        self._tell(trial, values=list(values))

    def prune(self, trial: Trial) -> None:
        """Store that a trial was stopped by its validation losses."""
        self._tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, reason: str, *, is_of_values: bool) -> None:
        """Store that a trial failed by itself: it is not repeated.

        Args:
            trial: that failed.
            reason: of it.
            is_of_values: whether its values are to blame, so that a sampler shall avoid them: samplers learn from
                pruned trials, and nothing from failed ones.
        """
        try:
            trial.set_user_attr(REASON, reason[:MAX_REASON])
        except UpdateFinishedTrialError:
            return
        self._tell(trial, state=TrialState.PRUNED if is_of_values else TrialState.FAIL)

    def has_left(self) -> bool:
        """Return whether trials are to be begun or repeated."""
        return self.count().begun < self._num_trials

    def count(self) -> Counts:
        """Return the trials by their state."""
        counts = Counts()
        for trial in self._study.get_trials(deepcopy=False):
            match trial.state:
                case TrialState.COMPLETE:
                    counts.complete += 1
                case TrialState.PRUNED | TrialState.FAIL if REASON in trial.user_attrs:
                    counts.failed += 1
                case TrialState.PRUNED:
                    counts.pruned += 1
                case TrialState.RUNNING:
                    counts.running += 1
                case TrialState.WAITING:
                    counts.waiting += 1
        return counts

    def _count_before(self, trial: Trial) -> int:
        """Return the trials that count, or may come to count, and were first begun before a trial.

        A trial that is repeated keeps its place, and a place only ever ceases to count. So the last place that counts
        at the end had fewer than the number asked for before it, and all together are at most that many, however many
        processes ask at once; and one to be repeated is not refused, as it was not when it was first begun.
        """
        places: dict[int, int] = {}
        taken = set()
        for each in sorted(self._study.get_trials(deepcopy=False), key=lambda each: each.number):
            place = places.get(each.user_attrs.get(RETRY, each.number), each.number)
            places[each.number] = place
            if each.state is not TrialState.FAIL or REASON in each.user_attrs:
                taken.add(place)
        return sum(place < places[trial.number] for place in taken)

    def _is_repeated_twice(self, trial: Trial) -> bool:
        """Return whether a trial of a lower number repeats the same one: two processes have taken it over."""
        first = trial.user_attrs.get(RETRY)
        return first is not None and any(
            each.number < trial.number and each.user_attrs.get(RETRY) == first
            for each in self._study.get_trials(deepcopy=False)
        )

    def _list_foreign(self) -> list[FrozenTrial]:
        running = self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
        return [trial for trial in running if trial.user_attrs.get(OWNER) != name_this()]

    def _find(self, trial: Trial) -> FrozenTrial:
        return next(each for each in self._study.get_trials(deepcopy=False) if each.number == trial.number)

    def _tell(self, trial: FrozenTrial | Trial, **result: Any) -> None:
        """Store the end of a trial; nothing happens where another process has ended it."""
        try:
            self._study.tell(trial.number, **result)
        except UpdateFinishedTrialError:
            return
        except ValueError as error:  # the same, seen before the storage was asked
            if "Cannot tell" not in str(error):
                raise


def find_folder(trial: FrozenTrial | Trial) -> RunFolder | None:
    """Return the run of a trial; None where it has none below outputs/ here: a database may name any folder."""
    path = Path(os.path.normpath(str(trial.user_attrs.get(FOLDER, ""))))
    if path.is_absolute() or not path.absolute().is_relative_to(OUTPUTS.absolute()):
        return None
    return RunFolder(path) if path.is_dir() else None


def _name_owner(trial: FrozenTrial) -> str:
    """Return the process of a trial; one that was killed before it could write its name is watched like any other."""
    return str(trial.user_attrs.get(OWNER, f"trial {trial.number}"))
