"""`summary.json`: the state of a run at its start and at its end.

Axes: n character.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from charrnn_exp.evaluation.baseline.published import find_lowest
from charrnn_exp.evaluation.scores import Scores, to_bits
from charrnn_exp.experiment.final_scores import read_scores
from charrnn_exp.experiment.identity import is_of_identity
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Chosen, Listener, RunEvent, Sampled, Scored
from charrnn_exp.experiment.listeners.speed import Speed
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.model.network import count_parameters
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.run_folder.samples import list_samples
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.tracking.no_tracker import Tracker
from charrnn_exp.training.loop import Reshaped, Saved, Saving, StepDone, Validated
from charrnn_exp.training.state import TrainingState

ACTIVITIES = ("start", "updates", "validation", "checkpoints", "samples", "scores", "tracking")
OPTIONAL = ("views",)
"""Those of runs that ask for them."""


class SummaryFile(Listener):
    """Collects the numbers of the summary and writes them.

    Until a resumed run has its first own checkpoint, the file keeps the numbers of the session before; only its status
    changes.

    Args:
        job: of the run.
        state: its progress and size.
        tracker: knows the run's id in MLflow.
        watch: seconds by activity.
        previous: the summary of earlier sessions; `Summary()` where there was none.
        find_baseline: returns the loss of the n-gram baseline; None until it is counted.
    """

    def __init__(
        self,
        job: Job,
        state: TrainingState,
        tracker: Tracker,
        *,
        watch: Stopwatch,
        previous: Summary,
        find_baseline: Callable[[], float | None],
    ) -> None:
        self._job, self._state, self._tracker = job, state, tracker
        self._watch, self._find_baseline = watch, find_baseline
        self._num_earlier = previous.num_sessions
        self._previous = _take_last_rows(previous, job, last_step=state.progress.step)
        self._speed = Speed(job.text.order.characters_per_step)
        self._is_own = self._is_told = not job.is_resumed
        """Whether there is something of this session to tell of, and whether the file has told of it."""
        self._validated: Validated | None = None
        self._chosen_step: int | None = None
        self._novelty: dict[str, int] | None = None
        self._scores: dict[str, Scores] = read_scores(job, step=state.progress.step)
        self._block_losses = dict(previous.block_losses or {})
        """Of the weights that the scores are of; those that an earlier session scored are not scored again."""

    def start(self) -> None:
        """Write the status RUNNING."""
        self.write("RUNNING")

    def hear(self, event: RunEvent) -> None:
        """Keep the numbers of the event."""
        match event:
            case StepDone():
                self._scores, self._block_losses = {}, {}
                self._speed.hear(event)
            case Reshaped():
                self._speed.hear(event)
            case Validated():
                self._validated = event
            case Chosen():
                self._chosen_step = event.step
                self._scores = read_scores(self._job, step=event.step)
                was_chosen = event.step == self._previous.chosen_step
                self._block_losses = dict(self._previous.block_losses or {}) if was_chosen else {}
            case Scored():
                self._scores[event.split] = event.scores
                if event.scores.block_losses is not None:
                    self._block_losses[event.split] = list(event.scores.block_losses)
            case Sampled():
                self._novelty = event.novelty.as_dict()
            case Saving():
                self._is_own = True
            case Saved() if not self._is_told:
                self._is_told = True
                self.write("RUNNING")

    def finish(self) -> None:
        """Tell of the session where no checkpoint was due."""
        self._is_own = True

    def close(self, status: str) -> None:
        """Write the final status."""
        self._is_own |= status == "KILLED"
        self.write(status)

    def write(self, status: str) -> None:
        """Replace the file."""
        folder = self._job.folder
        folder.write_summary(self._summarise(status) if self._is_own else replace(folder.read_summary(), status=status))

    def _summarise(self, status: str) -> Summary:
        job, progress, previous, scores = self._job, self._state.progress, self._previous, self._scores
        val_loss = self._validated.loss if self._validated else previous.val_loss
        return Summary(
            status=status,
            run_id=self._tracker.run_id or previous.run_id,
            step=progress.step,
            epoch=progress.epoch,
            train_loss=progress.train_loss,
            val_loss=val_loss,
            val_loss_raw=self._validated.raw_loss if self._validated else previous.val_loss_raw,
            best_val_loss=progress.best_val_loss if progress.best_step else None,
            best_step=progress.best_step or None,
            test_loss=scores["test"].loss if "test" in scores else None,
            scores={split: each.as_dict() for split, each in scores.items()},
            bits_per_char=None if val_loss is None else to_bits(val_loss),
            ngram_val_loss=self._find_baseline(),
            published={part: asdict(each) for part, each in find_lowest(job.find_published()).items()} or None,
            val_characters=_count_val_characters(job),
            dataset_notes=list(job.text.corpus.notes),
            num_parameters=count_parameters(self._state.network),
            chars_per_second=_round(self._speed.find()) or previous.chars_per_second,
            seconds=round(time.time() - job.began, 1),
            seconds_by_activity=self._round_seconds(),
            checkpoint=_name_last(job, sorted(job.folder.checkpoints.glob("step_*"))),
            sample=self._name_sample(),
            chosen_step=self._chosen_step,
            name=job.name,
            session_began=job.began,
            job_hash=None if _is_another(job) else previous.job_hash,
            num_sessions=max(1, self._num_earlier) + 1 if job.is_resumed else 1,
            block_losses=self._block_losses or None,
            novelty=self._novelty,
        )

    def _name_sample(self) -> str | None:
        """Return the sample of the chosen weights; before there is one, the newest."""
        found = list_samples(self._job.folder.samples)
        chosen = [path for step, path in found.items() if step == self._chosen_step]
        return _name_last(self._job, chosen or list(found.values()))

    def _round_seconds(self) -> dict[str, float]:
        """Return the seconds of this session; the tracking thread runs in parallel, so its seconds are CPU time."""
        activities = [*ACTIVITIES, *(name for name in OPTIONAL if name in self._watch.seconds)]
        seconds = {activity: self._watch.seconds.get(activity, 0.0) for activity in activities}
        seconds["tracking_thread_cpu"] = self._tracker.cpu_seconds
        return {activity: round(value, 3) for activity, value in seconds.items()}


def _take_last_rows(previous: Summary, job: Job, *, last_step: int) -> Summary:
    """Return the summary of earlier sessions, updated from their rows up to a step, which may be newer."""
    curves = read_metrics(job.folder.metrics, last_step=last_step)
    if val := curves.get("val_loss"):
        raw = curves.get("val_loss_raw", val)
        previous = replace(previous, val_loss=val[-1][1], val_loss_raw=raw[-1][1])
    rates = curves.get("chars_per_second")
    return replace(previous, chars_per_second=_round(rates[-1][1])) if rates else previous


def _is_another(job: Job) -> bool:
    """Return whether a setting that determines the numbers changed in the life of the run."""
    return any(is_of_identity(change.setting) for change in job.resumption.changes)


def _round(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def _count_val_characters(job: Job) -> dict[str, int] | None:
    """Return the characters of the validation text: `used` and `all`."""
    val_n = job.text.splits.val_n
    return None if val_n is None else {"used": len(val_n), "all": job.text.num_val_characters}


def _name_last(job: Job, paths: list[Path]) -> str | None:
    return str(paths[-1].relative_to(job.folder.path)) if paths else None
