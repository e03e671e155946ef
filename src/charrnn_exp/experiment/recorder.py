"""What a run leaves behind while it goes: every event of the loop becomes rows, samples, lines on the terminal."""

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charrnn_exp.config.schema import Config
from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.evaluation.baseline.ngram import MAX_CHARACTERS, ORDER
from charrnn_exp.evaluation.baseline.process import BaselineProcess
from charrnn_exp.evaluation.scores import Scores, from_metrics, to_bits, to_metrics
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.files import write_durably
from charrnn_exp.model.network import count_parameters
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import MetricsFile, read_metrics
from charrnn_exp.run_folder.samples import SEPARATOR
from charrnn_exp.sampling.sampler import Sampler
from charrnn_exp.tracking.tables import TABLE, build_table
from charrnn_exp.tracking.tracker import Tracker
from charrnn_exp.training.loop import EpochDone, Event, Saved, Saving, StepDone, Validated
from charrnn_exp.training.state import TrainingState
from charrnn_exp.views.curves import plot_losses
from charrnn_exp.views.terminal import TrainingView


class Recorder:
    """Writes the events of one run: first to its folder, then to the tracker, then to the terminal.

    Args:
        config: of the run.
        folder: of the run.
        text: its prompt and vocabulary are used for samples.
        state: whose weights are sampled.
        metrics: the file of the run, already without the rows that will come again.
        tracker: follows.
        run_name: names the run in the table of samples.
        began: when the run began, as time.time() tells it.
        before: the summary of the parts of the run before this one; empty where there was none.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        text: PreparedText,
        state: TrainingState,
        metrics: MetricsFile,
        tracker: Tracker,
        run_name: str,
        began: float,
        before: Mapping[str, Any],
    ) -> None:
        self._config = config
        self._began = began
        self._before = {**before, **_read_last_values(folder)}
        self.folder = folder
        self._text = text
        self._state = state
        self._tracker = tracker
        self._run_name = run_name
        self._sampler = Sampler(state.network, config.sampling)
        self._metrics = metrics
        self._characters_per_step = text.order.characters_per_step
        self._rates: list[float] = []
        self.watch = Stopwatch()
        """Seconds: start (until the first update is done), updates (the others), validation, checkpoints, ..."""
        self._val: Validated | None = None
        self.scores = _read_scores(folder, text, step=state.progress.step)
        """Of the weights after the last step, by split."""
        self.texts: list[str] = []
        """The newest samples, each with its prompt."""
        self._floor: BaselineProcess | None = None
        """What counting n-grams reaches on the validation text, nats per character, when it is known."""

    def record(self, event: Event, view: TrainingView) -> None:
        """Record one event of the loop."""
        match event:
            case StepDone():
                self.scores = {}
                self._record_step(event, view)
            case Validated():
                self._record_validation(event, view)
            case EpochDone():
                if self._config.dataset.split.name == "none":
                    view.epoch(epoch=event.epoch, step=event.step, loss=event.loss)
            case Saving():
                with self.watch.time("checkpoints"):
                    self._metrics.sync()  # a checkpoint must never be there without the rows up to its step
            case Saved():
                self.watch.add("checkpoints", event.seconds)
                if event.kept:
                    self._write_samples(event.step)

    def record_scores(self, split: str, scores: Scores) -> None:
        """Record the scores of a split with the weights after the last step; `val_loss` stands in its row already."""
        self.scores[split] = scores
        known = ("val_loss", "val_bits_per_char")
        metrics = {name: value for name, value in to_metrics(split, scores).items() if name not in known}
        self._write(self._state.progress.step, metrics)

    def make_up(self, checkpoint: Checkpoint | None) -> None:
        """Do what the part of the run before this one did not get to, after it had saved this checkpoint.

        The sample of a kept checkpoint is written where it is missing. The tracker is handed the rows that the run
        folder has already: it may lack some, and sends none twice.
        """
        if checkpoint is not None and checkpoint.is_kept() and not self._sample_path(checkpoint.step).exists():
            self._write_samples(checkpoint.step)
        for name, curve in read_metrics(self.folder.metrics).items():
            for step, value in curve:
                self._tracker.log_metrics(step, {name: value})

    def summarise(self, status: str) -> dict[str, Any]:
        """Return the summary of the run as it stands: RUNNING, FINISHED, FAILED or KILLED."""
        progress, before = self._state.progress, self._before
        val_loss = self._val.loss if self._val else before.get("val_loss")
        checkpoints = sorted(self.folder.checkpoints.glob("step_*"))
        samples = sorted(self.folder.samples.glob("step_*.txt"), key=lambda path: int(path.stem[len("step_") :]))
        floor = self._find_floor(wait=False)
        return {
            "status": status,
            "run_id": self._tracker.run_id or before.get("run_id"),
            "step": progress.step,
            "epoch": progress.epoch,
            "train_loss": progress.train_loss,
            "val_loss": val_loss,
            "val_loss_raw": self._val.raw_loss if self._val else before.get("val_loss_raw"),
            "best_val_loss": progress.best_val_loss if progress.best_step else None,
            "best_step": progress.best_step or None,
            "test_loss": self.scores["test"].loss if "test" in self.scores else None,
            "scores": {split: scores.as_dict() for split, scores in self.scores.items()},
            "bits_per_char": None if val_loss is None else to_bits(val_loss),
            "ngram_val_loss": before.get("ngram_val_loss") if floor is None else floor,
            "val_characters": self._count_val_characters(),
            "dataset_notes": list(self._text.corpus.notes),
            "num_parameters": count_parameters(self._state.network),
            "chars_per_second": self.chars_per_second() or before.get("chars_per_second"),
            "seconds": round(time.time() - self._began, 1),
            "seconds_by_activity": self._seconds_by_activity(),
            "checkpoint": str(checkpoints[-1].relative_to(self.folder.path)) if checkpoints else None,
            "sample": str(samples[-1].relative_to(self.folder.path)) if samples else None,
        }

    def _count_val_characters(self) -> dict[str, int] | None:
        """Return how long the validation text is, and how much of it is used."""
        val_n = self._text.parts.val_n
        return None if val_n is None else {"used": len(val_n), "all": self._text.num_val_characters}

    def chars_per_second(self) -> float | None:
        """Return the median over the updates made here, without the first, which compiles; None before the second."""
        return round(statistics.median(self._rates[1:]), 1) if len(self._rates) > 1 else None

    def _seconds_by_activity(self) -> dict[str, float]:
        """Return where this process spent its time; the tracking thread's is beside it, so it is CPU time."""
        order = ("start", "updates", "validation", "checkpoints", "samples", "scores", "tracking")
        seconds = {activity: self.watch.seconds.get(activity, 0.0) for activity in order}
        seconds["tracking_thread_cpu"] = self._tracker.cpu_seconds
        return {activity: round(value, 3) for activity, value in seconds.items()}

    def draw_curves(self, title: str) -> None:
        """Write `plots/loss.png` from the rows of the run folder, waiting for the n-gram floor."""
        if self._floor is None and self._before.get("ngram_val_loss") is None:
            self._floor = _count_floor(self._text)  # no update was left to make
        floor = self._find_floor(wait=True)
        floors = {} if floor is None else {f"{ORDER}-grams": floor}
        plot_losses(read_metrics(self.folder.metrics), self.folder.plots / "loss.png", title=title, baselines=floors)

    def close(self) -> None:
        """Close the metrics file, and count no further."""
        self._metrics.close()
        if self._floor is not None:
            self._floor.stop()

    def _write_samples(self, step: int) -> None:
        sampling, vocabulary = self._config.sampling, self._text.corpus.vocabulary
        prompt_ids_t = self._text.prompt_ids_t
        with self.watch.time("samples"), self._state.averaged_weights():
            texts = self._sampler.texts(
                prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed
            )
        written = [vocabulary.to_bytes(ids_t) for ids_t in texts]
        path = self._sample_path(step)
        write_durably(path, SEPARATOR.encode().join(written) + b"\n")
        shown = [raw.decode("utf-8", errors="replace") for raw in written]
        table = build_table(
            shown,
            run=self._run_name,
            step=step,
            val_loss=self._val.loss if self._val else None,
            temperature=sampling.temperature,
        )
        with self.watch.time("tracking"):
            self._tracker.log_text(path.read_bytes().decode("utf-8", errors="replace"), f"samples/{path.name}")
            self._tracker.log_table(table, TABLE)
        self.texts = shown

    def _sample_path(self, step: int) -> Path:
        return self.folder.samples / f"step_{step}.txt"

    def _find_floor(self, *, wait: bool) -> float | None:
        """Return what counting n-grams reaches, None where it is not counted, or not yet."""
        return None if self._floor is None else self._floor.find_loss(wait=wait)

    def _record_step(self, event: StepDone, view: TrainingView) -> None:
        rate = self._characters_per_step / event.seconds
        if self._rates:
            self.watch.add("updates", event.seconds)
        else:
            self.watch.add("start", time.time() - self._began)
            self._floor = _count_floor(self._text)
        self._rates.append(rate)
        self._write(
            event.step,
            {
                "train_loss": event.loss,
                "learning_rate": event.learning_rate,
                "gradient_norm": event.gradient_norm,
                "chars_per_second": rate,
            },
        )
        view.step(step=event.step, epoch=event.epoch, loss=event.loss, chars_per_second=rate)

    def _record_validation(self, event: Validated, view: TrainingView) -> None:
        self._val = event
        self.watch.add("validation", event.seconds)
        averaged = {"val_loss_raw": event.raw_loss} if self._state.ema else {}
        self._write(event.step, {"val_loss": event.loss, "val_bits_per_char": to_bits(event.loss), **averaged})
        view.validated(event.loss)
        view.epoch(epoch=event.epoch, step=event.step, loss=self._state.progress.train_loss)

    def _write(self, step: int, metrics: dict[str, float]) -> None:
        self._metrics.write(step, metrics)
        with self.watch.time("tracking"):
            self._tracker.log_metrics(step, metrics)


def _read_last_values(folder: RunFolder) -> dict[str, float]:
    """Return what the rows of the run folder say of the parts of the run before this one."""
    curves = read_metrics(folder.metrics)
    values = {name: curve[-1][1] for name, curve in curves.items() if name in ("val_loss", "val_loss_raw")}
    if "val_loss" in values:
        values.setdefault("val_loss_raw", values["val_loss"])
    rates = [rate for _, rate in curves.get("chars_per_second", [])]
    return values | ({"chars_per_second": round(statistics.median(rates[1:]), 1)} if len(rates) > 1 else {})


def _read_scores(folder: RunFolder, text: PreparedText, *, step: int) -> dict[str, Scores]:
    """Return the scores after this step that the rows of the run folder have, by split."""
    curves = read_metrics(folder.metrics)
    metrics = {name: value for name, curve in curves.items() for at, value in curve if at == step}
    parts = {"val": text.parts.val_n, "test": text.parts.test_n}
    found = {
        split: from_metrics(split, metrics, num_characters=len(part_n) - 1)
        for split, part_n in parts.items()
        if part_n is not None
    }
    return {split: scores for split, scores in found.items() if scores is not None}


def _count_floor(text: PreparedText) -> BaselineProcess | None:
    """Count n-grams beside the training; None where there is no validation text or counting would take too long."""
    train_n, val_n = text.parts.train_n, text.parts.val_n
    if val_n is None or len(train_n) > MAX_CHARACTERS:
        return None
    return BaselineProcess(train_n, val_n, num_symbols=len(text.corpus.vocabulary))
