"""The jobs of a search: each trial becomes a run, and the end of each run the result of its trial."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.trial import Trial

from charrnn_exp.config.compose import compose_job
from charrnn_exp.config.overrides import name_run
from charrnn_exp.config.search import Search
from charrnn_exp.config.space import write_values
from charrnn_exp.data.corpus import Corpus, load_corpus
from charrnn_exp.errors import CharRNNError, UserError, one_line
from charrnn_exp.experiment.prepare import prepare_run
from charrnn_exp.experiment.shared_inputs import SharedInputs
from charrnn_exp.files import LockHeldError, hold_lock
from charrnn_exp.machine.lifeline import GRACE_SECONDS
from charrnn_exp.run_folder.finding import list_runs
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.sweeps.lookup import Found, find_earlier
from charrnn_exp.sweeps.plan import DONE, FAILED, RUNNING, STOPPED, WAITING, PlannedJob
from charrnn_exp.sweeps.planning import plan_job
from charrnn_exp.sweeps.search.trials import Trials, find_folder

PRUNED = "pruned"
"""The state of a job that was stopped by its validation losses."""


class TrialJobs:
    """Makes the jobs of a search from the trials of its study.

    Args:
        search: what is searched.
        trials: of the study.
        inputs: read once for all jobs.
        config_dir: the user's own folder of YAML groups.
        folder: of the new runs, each below it by the number of its trial.
        study: name of the study, a tag of the runs.
    """

    def __init__(
        self,
        search: Search,
        trials: Trials,
        inputs: SharedInputs,
        config_dir: Path | None,
        *,
        folder: Path,
        study: str,
    ) -> None:
        self.trials = trials
        self._search, self._inputs, self._config_dir, self._folder = search, inputs, config_dir, folder
        self._study = study
        self._running: dict[int, Trial] = {}
        self._folders: dict[int, Path] = {}
        """Of the runs of these trials."""
        self._corpora: dict[str, Corpus] = {}

    def ask(self, number: int) -> PlannedJob | None:
        """Return a job for the next trial, done or failed where there is nothing to run; None: no trial is left.

        Args:
            number: of the job.
        """
        trial = self.trials.ask()
        if trial is None:
            return None
        self._running[number] = trial
        folder = self._folder / str(trial.number)
        try:
            job = self._plan(trial, number, folder)
        except CharRNNError as error:
            job = PlannedJob(
                number=number,
                hash="",
                folder=str(folder),
                is_resumed=False,
                name=_describe(trial),
                settings={},
                threads=1,
                num_bytes=0,
                num_characters=0,
                state=FAILED,
                reason=one_line(error),
                is_mistake=isinstance(error, UserError),
            )
            self.tell(job)
            return job
        job.tags = {"study": self._study, "trial": str(trial.number)}
        self._take_earlier(job, trial)
        self.trials.keep_folder(trial, job.folder)
        self._folders[number] = Path(job.folder).absolute()
        if job.state == DONE:
            self.tell(job)
        return job

    def validate(self, job: PlannedJob, step: int, loss: float) -> bool:
        """Store a validation loss; return whether the job shall be stopped: it is pruned, or another process has it."""
        trial = self._running[job.number]
        return not self.trials.report(trial, step, loss) or self.trials.should_prune(trial)

    def tell(self, job: PlannedJob) -> None:
        """Store the end of a job; one that was stopped, or never begun, is to be repeated."""
        trial = self._running.pop(job.number)
        self._folders.pop(job.number, None)
        if job.state == PRUNED:
            self.trials.prune(trial)
        elif job.state == FAILED:
            self.trials.fail(trial, job.reason, is_of_values=job.is_mistake)
        elif job.state in (STOPPED, WAITING):
            self.trials.repeat(trial)
        else:
            values, reason = self._read_values(RunFolder(Path(job.folder)))
            if reason:
                self.trials.fail(trial, reason, is_of_values=True)
            else:
                self.trials.complete(trial, values)

    def _plan(self, trial: Trial, number: int, folder: Path) -> PlannedJob:
        values = write_values(self._search.space, trial.params)
        words = [*self._search.fixed, *values]
        config = self._inputs.put_into(compose_job(words, config_dir=self._config_dir))
        key = repr(config.dataset)
        if key not in self._corpora:
            self._corpora = {key: load_corpus(config.dataset)}  # one text at a time
        prepared = prepare_run(config, corpus=self._corpora[key])
        name = config.tracking.run_name or name_run(words, {each.key for each in self._search.space})
        return plan_job(prepared, number, str(folder), name)

    def _take_earlier(self, job: PlannedJob, trial: Trial) -> None:
        """Let a finished run of the same numbers stand, and one that was stopped go on."""
        if (folder := find_folder(trial)) is not None:
            _wait_for_lock(folder)
        if job.settings["sweep"]["rerun"] or (earlier := self._find_earlier(job.hash, folder)) is None:
            return
        job.folder, job.is_resumed = str(earlier.folder.path), not earlier.is_done
        job.state = DONE if earlier.is_done else WAITING
        with suppress(CharRNNError, OSError):
            for step, loss in read_metrics(earlier.folder.metrics).get("val_loss", []):
                self.trials.report(trial, step, loss)

    def _find_earlier(self, key: str, own: RunFolder | None) -> Found | None:
        """Return an earlier run, the trial's own before others; none that a trial of this process is at.

        Where seconds are an objective, a run counts that has all of them in one session.
        """
        at_work, is_timed = set(self._folders.values()), "seconds" in self._search.config.objectives
        for folders in ([] if own is None else [own], list_runs()):
            free = [folder for folder in folders if folder.path.absolute() not in at_work]
            found = find_earlier({key}, folders=free).get(key)
            if found is not None and (not is_timed or (found.is_done and _has_one_session(found.folder))):
                return found
        return None

    def _read_values(self, folder: RunFolder) -> tuple[list[float], str]:
        """Return the objectives of a finished run, or the reason why it has none."""
        summary = folder.read_summary().to_json()
        values: list[Any] = [summary[name] for name in self._search.config.objectives]
        for name, value in zip(self._search.config.objectives, values, strict=True):
            if value is None or not math.isfinite(value):
                return [], f"{name} must be a finite number, got {value} in {folder.path}"
        return values, ""


def count_running(jobs: Sequence[PlannedJob]) -> tuple[int, int]:
    """Return the number of running jobs and of their threads."""
    threads = [job.threads for job in jobs if job.state == RUNNING]
    return len(threads), sum(threads)


def _has_one_session(folder: RunFolder) -> bool:
    return folder.read_summary().num_sessions == 1


def _describe(trial: Trial) -> str:
    return " ".join(f"{key}={value}" for key, value in trial.params.items())


def _wait_for_lock(folder: RunFolder) -> None:
    """Wait until the process that worked on a run has ended: it outlives its parent by some seconds."""
    until = time.monotonic() + GRACE_SECONDS + 1
    while folder.path.is_dir() and time.monotonic() < until:
        with suppress(LockHeldError, OSError), hold_lock(folder.lock_file):
            return
        time.sleep(0.1)
