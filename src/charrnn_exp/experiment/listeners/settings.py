"""The settings of a resumed run, written when it has a checkpoint made with them."""

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import Saving


class Settings(Listener):
    """Writes `config.yaml` and `changes.json` of a resumed run right before its first own checkpoint.

    Until then the folder keeps the settings of its checkpoints, whatever ends the session; only one that a signal stops
    keeps what was asked of it.

    Args:
        job: with the settings that the run goes on with.
        step: that the session goes on from.
    """

    def __init__(self, job: Job, *, step: int) -> None:
        self._job, self._step = job, step
        self._is_due = job.is_resumed

    def hear(self, event: RunEvent) -> None:
        """Write before a checkpoint."""
        if isinstance(event, Saving):
            self._write()

    def finish(self) -> None:
        """Write where no checkpoint was due."""
        self._write()

    def close(self, status: str) -> None:
        """Write where a signal came before a checkpoint."""
        if status == "KILLED":
            self._write()

    def _write(self) -> None:
        if not self._is_due:
            return
        self._is_due = False
        job = self._job
        job.folder.update(job.config, job.resumption.changes)
        if job.resumption.diverged_after is not None:
            for path in job.folder.samples.glob("step_*.txt"):  # of steps that are made anew
                if int(path.stem.removeprefix("step_")) > self._step:
                    path.unlink()
