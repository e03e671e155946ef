"""Samples of each kept checkpoint, and every so often between, as files; the newest on the terminal at the end.

Axes: t time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Chosen, Listener, RunEvent
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.files import write_durably
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.samples import decode_sample, join_samples
from charrnn_exp.sampling.lines import cut_line
from charrnn_exp.sampling.writer import Writer
from charrnn_exp.training.loop import EpochDone, Saved, Saving, StepDone
from charrnn_exp.training.state import TrainingState

Send = Callable[[int, Path, Sequence[str]], None]


class Samples(Listener):
    """Draws and writes `samples/step_N.txt` when a kept checkpoint is on disk, and as often as `sampling` asks.

    A sample that an interrupted session left out is drawn at the start. A session that goes on writes it, and those
    that it draws until then, when its first own checkpoint is due.

    Args:
        job: its prompt, vocabulary and `sampling` are used.
        state: whose weights are sampled.
        restored: the checkpoint that this session resumes from, whose sample may be missing; None: a new run.
        watch: for the seconds.
        send: called with step, file and texts after the file is written.
        show: called with a title and a text at the end of the run.
    """

    def __init__(
        self,
        job: Job,
        state: TrainingState,
        restored: Checkpoint | None,
        *,
        watch: Stopwatch,
        send: Send,
        show: Callable[[str, str], None],
    ) -> None:
        self._job, self._state, self._restored = job, state, restored
        self._watch, self._send, self._show = watch, send, show
        self._writer = Writer([state.network], job.config.sampling)
        self._texts: list[str] = []
        self._title: str | None = None
        self._held: list[tuple[int, list[bytes]]] = []
        """Step and texts of the samples that wait for the first own checkpoint."""
        self._may_write = restored is None
        self._newest: int | None = None
        """Step of the newest sample."""

    def start(self) -> None:
        """Draw the sample that an interrupted session left out."""
        checkpoint = self._restored
        if checkpoint is not None and checkpoint.is_kept() and not self._find_path(checkpoint.step).exists():
            self._held.append((checkpoint.step, self._draw()))

    def hear(self, event: RunEvent) -> None:
        """Write the samples of a kept checkpoint, and those of the best weights where they speak for the run."""
        match event:
            case Saving():
                self._release()
            case Saved(kept=True) if event.step != self._newest:
                self._write(event.step, self._draw())
            case StepDone(step=step) if _is_due(self._job.config.sampling.every_steps, step):
                self._sample(step)
            case EpochDone(epoch=epoch) if _is_due(self._job.config.sampling.every_epochs, epoch):
                self._sample(event.step)
            case Chosen(is_best=True):
                self._release()
                self._title = f"sample of step {event.step:,}, which has the lowest val_loss"
                self._write(event.step, self._draw())

    def finish(self) -> None:
        """Show the newest texts."""
        self._release()
        is_list = self._job.config.dataset.lines and self._texts
        for text in ["\n".join(self._texts)] if is_list else self._texts:
            self._show(self._title or f"sample after step {self._state.progress.step:,}", text)

    def close(self, status: str) -> None:
        """Write the sample where a signal came before a checkpoint."""
        if status == "KILLED":
            self._release()

    def _sample(self, step: int) -> None:
        """Draw a sample between checkpoints; write it if this session has begun to change the run."""
        if step == self._newest:
            return
        self._newest = step
        self._held.append((step, self._draw()))
        if self._may_write:
            self._release()

    def _release(self) -> None:
        self._may_write = True
        for step, written in self._held:
            self._write(step, written)
        self._held = []

    def _draw(self) -> list[bytes]:
        text = self._job.text
        with self._watch.time("samples"), self._state.averaged_weights():
            drawn = self._writer.write(text.prompt_ids_t, stop_ids_t=text.stop_ids_t)
        if text.splits.line_break is not None:
            drawn = [cut_line(ids_t, text.splits.line_break) for ids_t in drawn]
        return [text.corpus.vocabulary.to_bytes(ids_t) for ids_t in drawn]

    def _write(self, step: int, written: list[bytes]) -> None:
        path = self._find_path(step)
        dataset = self._job.config.dataset
        write_durably(path, join_samples(written, dataset))
        self._texts = [decode_sample(raw, dataset) for raw in written]
        self._send(step, path, self._texts)

    def _find_path(self, step: int) -> Path:
        return self._job.folder.samples / f"step_{step}.txt"


def _is_due(every: int | None, number: int) -> bool:
    return every is not None and number % every == 0
