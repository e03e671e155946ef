"""Samples of each kept checkpoint, as files; the newest on the terminal at the end.

Axes: t time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from charrnn_exp.config.choices import Unit
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Chosen, Listener, RunEvent
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.files import write_durably
from charrnn_exp.run_folder.checkpoint import Checkpoint
from charrnn_exp.run_folder.samples import SEPARATOR
from charrnn_exp.sampling.sampler import Sampler
from charrnn_exp.training.loop import Saved, Saving
from charrnn_exp.training.state import TrainingState

Send = Callable[[int, Path, Sequence[str]], None]


class Samples(Listener):
    """Draws and writes `samples/step_N.txt` when a kept checkpoint is on disk.

    A sample that an interrupted session left out is drawn at the start, and written when the first own checkpoint is
    due.

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
        self._sampler = Sampler(state.network, job.config.sampling)
        self._texts: list[str] = []
        self._title: str | None = None
        self._held: tuple[int, list[bytes]] | None = None
        """Step and texts of the sample that was left out, until it is written."""

    def start(self) -> None:
        """Draw the sample that an interrupted session left out."""
        checkpoint = self._restored
        if checkpoint is not None and checkpoint.is_kept() and not self._find_path(checkpoint.step).exists():
            self._held = (checkpoint.step, self._draw())

    def hear(self, event: RunEvent) -> None:
        """Write the samples of a kept checkpoint, and those of the best weights where they speak for the run."""
        match event:
            case Saving():
                self._release()
            case Saved(kept=True):
                self._write(event.step, self._draw())
            case Chosen(is_best=True):
                self._release()
                self._title = f"sample of step {event.step:,}, which has the lowest val_loss"
                self._write(event.step, self._draw())

    def finish(self) -> None:
        """Show the newest texts."""
        self._release()
        for text in self._texts:
            self._show(self._title or f"sample after step {self._state.progress.step:,}", text)

    def close(self, status: str) -> None:
        """Write the sample where a signal came before a checkpoint."""
        if status == "KILLED":
            self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._write(*self._held)
            self._held = None

    def _draw(self) -> list[bytes]:
        sampling, text = self._job.config.sampling, self._job.text
        with self._watch.time("samples"), self._state.averaged_weights():
            drawn = self._sampler.texts(
                text.prompt_ids_t, length=sampling.length, num_samples=sampling.num_samples, seed=sampling.seed
            )
        return [text.corpus.vocabulary.to_bytes(ids_t) for ids_t in drawn]

    def _write(self, step: int, written: list[bytes]) -> None:
        path = self._find_path(step)
        write_durably(path, SEPARATOR.encode().join(written) + b"\n")
        dataset = self._job.config.dataset
        encoding = dataset.encoding if dataset.unit is Unit.byte else "utf-8"
        self._texts = [raw.decode(encoding, errors="replace") for raw in written]
        self._send(step, path, self._texts)

    def _find_path(self, step: int) -> Path:
        return self._job.folder.samples / f"step_{step}.txt"
