"""The Python interface, for notebooks and scripts: compose settings, run them, read the results."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from charrnn_exp.commands import evaluate as evaluate_command
from charrnn_exp.commands import resume as resume_command
from charrnn_exp.commands import sample as sample_command
from charrnn_exp.commands.arguments import parse_arguments, read_tracking
from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.reading import flatten, to_values
from charrnn_exp.config.schema import Config
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import CharRNNError
from charrnn_exp.evaluation.scores import Scores
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.shared_inputs import read_shared_inputs
from charrnn_exp.run_folder.finding import list_runs
from charrnn_exp.run_folder.folder import RunFolder, make_run_folder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.run_folder.samples import decode_sample
from charrnn_exp.run_folder.summary import Summary
from charrnn_exp.sampling.from_run import sample_runs
from charrnn_exp.sampling.loaded_model import LoadedModel, load_model
from charrnn_exp.sweeps.comparison.comparison import Comparison, compare_runs
from charrnn_exp.sweeps.comparison.formats import to_values as to_plain
from charrnn_exp.sweeps.comparison.groups import Group
from charrnn_exp.sweeps.comparison.page import write_page
from charrnn_exp.sweeps.comparison.table import format_comparison
from charrnn_exp.tracking.fetch import find_run_anywhere
from charrnn_exp.views.run_table import RunTable
from charrnn_exp.views.terminal import Terminal


@dataclass(frozen=True, repr=False)
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
        if self.summary.sample is None:
            return None
        path = RunFolder(self.folder).samples / Path(self.summary.sample).name  # whatever folder a summary names
        return decode_sample(path.read_bytes(), self.config.dataset) if path.is_file() else None

    def __repr__(self) -> str:
        """Return three lines: folder, status, losses."""
        losses = {"train": self.summary.train_loss, "val": self.val_loss, "test": self.summary.test_loss}
        shown = ", ".join(f"{name}_loss {loss:.4f}" for name, loss in losses.items() if loss is not None)
        return f"run {self.folder}\n{self.summary.status}, {self.summary.step:,} steps\n{shown or 'no losses'}"


@dataclass(frozen=True, repr=False)
class CompareResult:
    """The result of a comparison; printed, it is the table of the command line.

    Args:
        comparison: its groups, answers, and the runs that are not ranked.
    """

    comparison: Comparison

    @property
    def groups(self) -> tuple[Group, ...]:
        """Groups of runs of one text, unit and split, the largest first; their variants, the lowest loss first."""
        return self.comparison.groups

    @property
    def values(self) -> dict[str, Any]:
        """All of it as plain values, as `format=json` prints them."""
        return to_plain(self.comparison)

    def write_page(self, path: str | Path) -> None:
        """Write the page of the comparison, one file that needs no network."""
        write_page(Path(path), self.comparison)

    def __repr__(self) -> str:
        """Return the tables, the answers, and the runs that are not ranked."""
        return format_comparison(self.comparison, None)


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
    return compose_jobs(write_words(overrides), config_dir=folder)[0]


def run(config: Config, *, run_name: str | None = None) -> RunResult:
    """Train, sample and log one run below outputs/ in the current folder, as `python -m charrnn_exp` does.

    Args:
        config: of `compose`.
        run_name: in the MLflow UI; None: `tracking.run_name`, or the name of the run folder.

    Raises:
        CharRNNError: with the lines of the command line: the text does not fit, the machine fails, a signal came.
    """
    config = read_shared_inputs([config]).put_into(config)
    terminal = Terminal()
    prepared = prepare_run(config, terminal=terminal)
    folder = make_run_folder(config.name, began := datetime.now())
    name = run_name or config.tracking.run_name or folder.path.name
    summary = start_run(Job.of(prepared, folder, name=name, began=began.timestamp()), terminal)
    return RunResult(folder.path, config, summary)


def load(reference: str | Path = "latest", *, tracking: Sequence[str] = ()) -> RunResult:
    """Return the result of an existing run.

    Args:
        reference: `latest`, `best`, `best:NAME`, a run folder, or an MLflow id, below outputs/ or in the store.
        tracking: the store, as on the command line: `["tracking=server", "tracking.uri=http://HOST:5000"]`.

    Raises:
        CharRNNError: if there is no such run, or it is damaged.
    """
    folder = _find(reference, tracking)
    return RunResult(folder.path, folder.read_config(), folder.read_summary())


def resume(reference: str | Path = "latest", *overrides: str) -> RunResult:
    """Go on with a run that was stopped, or go on longer, as the verb `resume` does.

    Args:
        reference: as of `load`.
        overrides: `"training.epochs=20"`, and what else the verb takes.

    Raises:
        CharRNNError: with the lines of the command line.
    """
    parsed = parse_arguments(overrides, resume_command.COMMAND)
    return load(resume_command.resume_reference(str(reference), parsed, began=time.time()).path)


def sample(reference: str | Path = "latest", *overrides: str, checkpoint: str | None = None) -> str:
    """Return text of a run, with its prompt, as `sample` writes it.

    Args:
        reference: as of `load`.
        overrides: `"sampling.temperature=0.5"`, `"sampling.prompt=To be, or not"`.
        checkpoint: last or best; None: best if early stopping ended the run, else last.

    Raises:
        CharRNNError: with the lines of the command line.
    """
    parsed = parse_arguments(overrides, sample_command.COMMAND)
    folder = find_run_anywhere(str(reference), lambda: read_tracking(parsed), needs_weights=True)
    words = [*overrides, f"run={folder.path.absolute()}", f"checkpoint={checkpoint or 'null'}"]
    return "".join(map(str, sample_runs(sample_command.open_words(words))))


def evaluate(
    reference: str | Path = "latest",
    *words: str,
    split: str | None = None,
    text: str | Path | None = None,
    checkpoint: str | None = None,
    tracking: Sequence[str] = (),
) -> dict[str, Scores]:
    """Return the scores of a run by the rows of the verb `evaluate`: "val", "text", "val, adapted (rms)".

    Args:
        reference: as of `load`; several with commas between them are averaged.
        words: `"details=true"`, `"adapt=rms"`, and others of the verb.
        split: train, val, test or all; None: all that the run's protocol has.
        text: a file, or several with commas, in place of the run's own text; None: off.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        tracking: as of `load`.

    Raises:
        CharRNNError: with the lines of the command line.
    """
    parsed = parse_arguments([*words, *tracking], evaluate_command.COMMAND)
    given = {"run": reference, "split": split, "text": text, "checkpoint": checkpoint}
    parsed.arguments.update({name: str(value) for name, value in given.items() if value is not None})
    return {each.label: each.scores for each in evaluate_command.ask(parsed, Terminal().warn).answers}


def open_model(
    reference: str | Path = "latest", *, checkpoint: str | None = None, tracking: Sequence[str] = ()
) -> LoadedModel:
    """Return the model of a run to call: ids in, log-probabilities and state out.

    Args:
        reference: as of `load`.
        checkpoint: last or best; None: best if early stopping ended the run, else last.
        tracking: as of `load`.

    Raises:
        CharRNNError: if there is no such run, or it has no checkpoint.
    """
    return load_model(_find(reference, tracking, needs_weights=True), checkpoint, warn=Terminal().warn)


def runs(name: str | None = None) -> RunTable:
    """Return a row for each run below outputs/ in the current folder, oldest first; damaged ones are left out.

    Each row has folder, name, status, step, train_loss, val_loss, best_val_loss, and the settings that differ.

    Args:
        name: of the runs; None: all.
    """
    found = []
    for folder in list_runs():
        with suppress(CharRNNError):
            found.append((folder, to_values(folder.read_config()), folder.read_summary()))
    kept = [(folder, flatten(values), summary) for folder, values, summary in found if name in (None, values["name"])]
    keys = dict.fromkeys(key for _, values, _ in kept for key in values if key != "name")
    differ = [key for key in keys if any(values.get(key) != kept[0][1].get(key) for _, values, _ in kept)]
    return RunTable(
        {
            "folder": str(folder.path),
            "name": values["name"],
            "status": summary.status,
            "step": summary.step,
            "train_loss": summary.train_loss,
            "val_loss": summary.val_loss,
            "best_val_loss": summary.best_val_loss,
            **{key: values.get(key) for key in differ},
        }
        for folder, values, summary in kept
    )


def compare(
    run: str | Path | None = None,
    *,
    name: str | None = None,
    best: int | None = None,
    loss: float | None = None,
    tracking: Sequence[str] = (),
) -> CompareResult:
    """Return a comparison of runs below outputs/, or of a store by their ids, as the verb `compare` makes it.

    Args:
        run: references and folders of sweeps with commas between them; None: all.
        name: a name, a sweep or a text; None: all.
        best: variants of each group that are kept, the lowest losses; None: all.
        loss: to find the seconds to, nats per character; None: off.
        tracking: as of `load`.

    Raises:
        CharRNNError: if there is no such run, or the store does not give it.
    """
    chosen = None if run is None else str(run)
    return CompareResult(compare_runs(chosen, name=name, best=best, loss=loss, find=lambda each: _find(each, tracking)))


def _find(reference: str | Path, tracking: Sequence[str], *, needs_weights: bool = False) -> RunFolder:
    parsed = parse_arguments(tracking, resume_command.COMMAND)
    return find_run_anywhere(str(reference), lambda: read_tracking(parsed), needs_weights=needs_weights)
