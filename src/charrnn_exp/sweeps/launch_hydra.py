"""A sweep by Hydra's sweepers and launchers, or by installed plugins, through its public interface.

The public `GlobalHydra` holds the object that `initialize_config_dir` made; its `multirun` finds sweeper and launcher
as `hydra.main` does. So no command line is parsed a second time, and no exception is printed or swallowed.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from charrnn_exp.config.compose import Composed, open_conf
from charrnn_exp.config.overrides import find_swept_keys, name_run
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.references import resolve_values
from charrnn_exp.config.search import OPTION
from charrnn_exp.errors import Interrupted, MachineError, UserError, one_line
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import check_inputs, prepare_run, start_run
from charrnn_exp.experiment.shared_inputs import SharedInputs, read_shared_inputs
from charrnn_exp.run_folder.folder import RunFolder, shorten
from charrnn_exp.streams import escape_line
from charrnn_exp.sweeps.launch_local import launch_local
from charrnn_exp.views.terminal import Terminal


def launch_sweep(words: Sequence[str], composed: Sequence[Composed], *, config_dir: Path | None) -> None:
    """Run a search, or all jobs of a sweep: each in a process of its own, or by Hydra where that is chosen.

    The inputs of all jobs are checked before the first.

    Args:
        words: overrides of the sweep.
        composed: its jobs.
        config_dir: the user's own folder of YAML groups.

    Raises:
        UserError: if an input does not fit, or if jobs failed, all by mistakes of the user: a line for each.
        MachineError: if jobs failed, not all by mistakes of the user.
        Interrupted: if a signal stopped a job; the jobs after it do not run.
    """
    configs = [job.config for job in composed]
    if composed[0].search is not None:
        from charrnn_exp.sweeps.search.launch import launch_search  # Optuna may not be installed

        launch_search(words, composed, config_dir=config_dir)
        return
    if any(job.options.get("hydra/sweeper") == OPTION for job in composed):
        raise UserError("hydra/sweeper must be chosen for the whole sweep, got optuna in a group that varies.")
    if not _is_of_hydra(words, composed):
        launch_local(words, [job.words for job in composed], configs)
        return
    inputs = read_shared_inputs(configs)
    check_inputs([inputs.put_into(config) for config in configs])
    job = SweepJob(inputs, frozenset(find_swept_keys(words)))
    with open_conf(config_dir) as searchpath:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "opened above"
        try:
            with ending_workers():
                returned = hydra.multirun("config", job, [*searchpath, *words, "hydra.mode=MULTIRUN"])
        except KeyboardInterrupt as stop:
            if isinstance(stop.__cause__, Interrupted):
                raise stop.__cause__ from None
            raise
    if failures := list(find_failures(returned)):
        kind = UserError if all(failure.is_mistake for failure in failures) else MachineError
        raise kind(*(f"job {failure.job!r} failed: {failure.line}" for failure in failures))


def _is_of_hydra(words: Sequence[str], composed: Sequence[Composed]) -> bool:
    """Return whether a word or a file chooses one of Hydra's launchers or sweepers; `basic` only where it is typed."""
    if any(word.startswith(("hydra/launcher=", "hydra/sweeper=")) for word in words):
        return True
    return any(job.options.get(group) != "basic" for job in composed for group in ("hydra/launcher", "hydra/sweeper"))


@contextmanager
def ending_workers() -> Iterator[None]:
    """End, after the sweep, the processes that a launcher keeps waiting for more: joblib's wait for minutes.

    They hold the terminal's streams, so whoever reads the output would wait too.
    """
    this = psutil.Process()
    before = set(this.children(recursive=True))
    try:
        yield
    finally:
        for process in set(this.children(recursive=True)) - before:
            with suppress(psutil.Error):
                if "resource_tracker" not in " ".join(process.cmdline()):  # it tidies up, and ends with the others
                    process.terminate()


@dataclass(frozen=True)
class Failure:
    """The result of a failed job; launchers carry it from other processes.

    Args:
        job: its name.
        line: the error.
        is_mistake: whether the user can mend it.
    """

    job: str
    line: str
    is_mistake: bool


@dataclass(frozen=True)
class SweepJob:
    """Hydra's task function: runs one job of the sweep, in this process or a launcher's.

    Args:
        inputs: of all jobs.
        swept: settings and groups that vary.
    """

    inputs: SharedInputs
    swept: frozenset[str]

    def __call__(self, composed: DictConfig) -> Failure | None:
        """Run the job that Hydra has composed.

        Raises:
            KeyboardInterrupt: if a signal stopped it: Hydra takes any Exception for a failure of this job alone.
        """
        try:
            self._run(composed)
        except Interrupted as error:
            raise KeyboardInterrupt from error
        except Exception as error:  # the other jobs still run
            print(f"charrnn_exp: error: {escape_line(one_line(error))}", file=sys.stderr, flush=True)
            name = name_run(HydraConfig.get().overrides.task, self.swept)
            return Failure(name, one_line(error), isinstance(error, UserError))
        return None

    def _run(self, composed: DictConfig) -> None:
        began, hydra_config = time.time(), HydraConfig.get()
        config = self.inputs.put_into(read_config(resolve_values(composed)))
        terminal = Terminal()
        prepared = prepare_run(config, terminal=terminal)
        folder = RunFolder(shorten(Path(hydra_config.runtime.output_dir)))
        name = config.tracking.run_name or name_run(hydra_config.overrides.task, self.swept)
        tags = {"sweep": folder.label.rpartition("/")[0]} if self.swept else {}
        start_run(Job.of(prepared, folder, name=name, tags=tags, began=began), terminal)


def find_failures(returned: Any) -> Iterator[Failure]:
    """Yield the failures in a sweeper's result: lists of the jobs' results, by batch."""
    match returned:
        case JobReturn():
            if isinstance(returned.return_value, Failure):
                yield returned.return_value
        case list() | tuple():
            for each in returned:
                yield from find_failures(each)
