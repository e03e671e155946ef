"""The Python interface, for notebooks and scripts: compose settings, run them, read the results."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.schema import Config
from charrnn_exp.config.words import write_words
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.shared_inputs import read_shared_inputs
from charrnn_exp.run_folder.folder import RunFolder, find_run, make_run_folder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.run_folder.summary import Summary


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Args:
        folder: of the run, with its checkpoints, metrics, samples and plots.
        config: its settings.
        summary: `summary.json`: status, losses in nats per character, sizes, times.
    """

    folder: Path
    config: Config
    summary: Summary

    @property
    def val_loss(self) -> float | None:
        """Validation loss at the last step, nats per character; None where there is no validation text."""
        return self.summary.val_loss

    @property
    def metrics(self) -> dict[str, list[tuple[int, float]]]:
        """Each metric's (step, value) in order: train_loss, val_loss, learning_rate, gradient_norm, ..."""
        return read_metrics(RunFolder(self.folder).metrics)

    @property
    def sample(self) -> str | None:
        """The newest sample's text, with its prompt; None before the first."""
        name = self.summary.sample
        return None if name is None else (self.folder / name).read_bytes().decode("utf-8", errors="replace")


def compose(*overrides: str, config_dir: str | Path | None = None) -> Config:
    """Return the checked settings of overrides, written as on the command line.

    Args:
        overrides: `"dataset=shakespeare"`, `"model.hidden_size=512"`.
        config_dir: a folder of your own YAML groups.

    Raises:
        UserError: with a line for each mistake.

    >>> compose("model.hidden_size=48", "optimizer=adam").model.hidden_size
    48
    """
    folder = None if config_dir is None else Path(config_dir).absolute()
    (config,) = compose_jobs(write_words(overrides), config_dir=folder)
    return config


def run(config: Config, *, run_name: str | None = None) -> RunResult:
    """Train, sample and log one run below outputs/ in the current folder, as `python -m charrnn_exp` does.

    Args:
        config: of `compose`.
        run_name: in the MLflow UI; None: `tracking.run_name`, or the name of the run folder.

    Raises:
        CharRNNError: with the lines of the command line: the text does not fit, the machine fails, a signal came.
    """
    config = read_shared_inputs([config]).put_into(config)
    prepared = prepare_run(config)
    began = datetime.now()
    folder = make_run_folder(config.name, began)
    name = run_name or config.tracking.run_name or folder.path.name
    summary = start_run(Job.of(prepared, folder, name=name, began=began.timestamp()))
    return RunResult(folder.path, config, summary)


def load(reference: str | Path = "latest") -> RunResult:
    """Return the result of an existing run.

    Args:
        reference: `latest`, a run folder, or the MLflow id of a run below outputs/.

    Raises:
        CharRNNError: if there is no such run, or it is damaged.
    """
    folder = find_run(str(reference))
    return RunResult(folder.path, folder.read_config(), folder.read_summary())
