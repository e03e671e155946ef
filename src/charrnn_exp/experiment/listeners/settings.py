"""The settings of a resumed run, written when its first own checkpoint is due."""

from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.files import write_durably
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.samples import list_samples
from charrnn_exp.training.loop import Saving


class Settings(Listener):
    """Writes `config.yaml` and `changes.json` of a resumed run right before its first own checkpoint.

    Until then the folder keeps the settings of its checkpoints, whatever ends the session; only one that a signal stops
    keeps what was asked of it. What a kill left of the run before is mended at the same moment.

    Args:
        job: with the settings that the run goes on with.
        checkpoints: of the run; one that a kill left hidden comes back.
        step: that the session goes on from.
        parameters: text of `parameters.txt`, written at the start of a new run; of a resumed one where it is missing.
    """

    def __init__(self, job: Job, checkpoints: CheckpointStore, *, step: int, parameters: str) -> None:
        self._job, self._checkpoints, self._step, self._parameters = job, checkpoints, step, parameters
        self._is_due = job.is_resumed

    def start(self) -> None:
        """Write the table of weights of a new run."""
        if not self._is_due:
            write_durably(self._job.folder.parameters, self._parameters)

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
        self._checkpoints.bring_back()
        if not job.folder.parameters.exists():
            write_durably(job.folder.parameters, self._parameters)
        job.folder.update(job.config, job.resumption.changes)
        if job.resumption.diverged_after is not None:
            for step, path in list_samples(job.folder.samples).items():
                if step > self._step:  # it is made anew
                    path.unlink()
