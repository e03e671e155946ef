"""The rows of `metrics.jsonl`: written to the file, then passed on."""

from collections.abc import Callable, Mapping

from charrnn_exp.evaluation.scores import to_bits, to_metrics
from charrnn_exp.experiment.listeners.listener import Listener, RunEvent, Sampled, Scored
from charrnn_exp.experiment.listeners.speed import Speed
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.run_folder.metrics import MetricsFile
from charrnn_exp.training.loop import Reshaped, Saving, StepDone, Validated


class Metrics(Listener):
    """Writes a row for each update, validation and score.

    The rows of a resumed run are held until its first own checkpoint is due: a kill before that leaves the file as it
    was, and MLflow without rows of changed settings that no checkpoint was made with.

    Args:
        file: of the run.
        is_resumed: whether the file has rows of earlier sessions.
        characters_per_step: of an update of the first epoch, for the speed.
        is_averaged: whether a validation also scores the raw weights beside the averaged ones.
        watch: gets the seconds of writing to disk.
        send: called with each row (step, values by name) after the file has it.
    """

    def __init__(
        self,
        file: MetricsFile,
        *,
        is_resumed: bool,
        characters_per_step: int,
        is_averaged: bool,
        watch: Stopwatch,
        send: Callable[[int, Mapping[str, float]], None],
    ) -> None:
        self._file, self._watch, self._send = file, watch, send
        self._speed, self._is_averaged = Speed(characters_per_step), is_averaged
        self._held: list[tuple[int, dict[str, float]]] | None = []
        """Rows to be written; None: they are written at once."""
        self._is_resumed = is_resumed

    def start(self) -> None:
        """Open the file of a new run."""
        if not self._is_resumed:
            self._release()

    def hear(self, event: RunEvent) -> None:
        """Write the row of the event; sync the file before a checkpoint."""
        match event:
            case StepDone():
                self._speed.hear(event)
                speed = self._speed.find()
                self._write(
                    event.step,
                    {
                        "train_loss": event.loss,
                        "learning_rate": event.learning_rate,
                        "gradient_norm": event.gradient_norm,
                        **({} if speed is None else {"chars_per_second": speed}),
                    },
                )
            case Reshaped():
                self._speed.hear(event)
            case Validated():
                raw = {"val_loss_raw": event.raw_loss} if self._is_averaged else {}
                self._write(event.step, {"val_loss": event.loss, "val_bits_per_char": to_bits(event.loss), **raw})
            case Scored():
                known = ("val_loss", "val_bits_per_char")  # which the row of the validation has
                metrics = to_metrics(event.split, event.scores)
                self._write(event.step, {name: value for name, value in metrics.items() if name not in known})
            case Sampled():
                self._write(event.step, event.novelty.to_metrics())
            case Saving():
                self._release()
                with self._watch.time("checkpoints"):
                    self._file.sync()  # no checkpoint without the rows up to its step

    def finish(self) -> None:
        """Write the rows where no checkpoint was due."""
        self._release()

    def close(self, status: str) -> None:
        """Write the rows where a signal came before a checkpoint; close the file."""
        if status == "KILLED":
            self._release()
        self._file.close()

    def _release(self) -> None:
        if self._held is None:
            return
        rows, self._held = self._held, None
        self._file.open()
        for step, metrics in rows:
            self._write(step, metrics)

    def _write(self, step: int, metrics: dict[str, float]) -> None:
        if self._held is not None:
            self._held.append((step, metrics))
            return
        self._file.write(step, metrics)
        self._send(step, metrics)
