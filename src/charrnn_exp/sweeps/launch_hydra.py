"""A sweep by Hydra's sweepers and launchers, or by installed plugins, through its public interface.

The public `GlobalHydra` holds the object that `initialize_config_dir` made; its `multirun` finds sweeper and launcher
as `hydra.main` does. So no command line is parsed a second time, and no exception is printed or swallowed.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from charrnn_exp.config.compose import open_conf
from charrnn_exp.config.overrides import name_run
from charrnn_exp.config.reading import read_config
from charrnn_exp.config.references import resolve_values
from charrnn_exp.config.words import write_text
from charrnn_exp.errors import Interrupted, UserError, one_line
from charrnn_exp.experiment.identity import hash_job
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.prepare import prepare_run, start_run
from charrnn_exp.experiment.resume import resume_run
from charrnn_exp.experiment.shared_inputs import SharedInputs
from charrnn_exp.model.threads import choose_workers_of_process
from charrnn_exp.run_folder.folder import RunFolder, shorten
from charrnn_exp.streams import escape_line
from charrnn_exp.sweeps.lookup import Found
from charrnn_exp.sweeps.plan import Plan
from charrnn_exp.views.terminal import Terminal


@dataclass(frozen=True)
class Failure:
    """The result of a failed job; launchers carry it from other processes.

    Args:
        job: its name.
        number: of the job, by which a plan of Hydra's own sweeper knows it.
        line: the error.
        is_mistake: whether the user can mend it.
    """

    job: str
    number: int
    line: str
    is_mistake: bool


def launch_hydra(plan: Plan, job: "SweepJob", *, config_dir: Path | None) -> list[Failure]:
    """Run the jobs of a sweep by the launcher and the sweeper that its words choose; return the failures.

    Args:
        plan: of the sweep, whose lock this process holds.
        job: runs one of its jobs.
        config_dir: the user's own folder of YAML groups.

    Raises:
        Interrupted: if a signal stopped a job; the jobs after it do not run.
    """
    plan.write()
    place = f"hydra.sweep.dir={write_text(str(plan.folder))}"
    with open_conf(config_dir) as searchpath:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None, "opened above"
        try:
            with ending_workers():
                returned = hydra.multirun("config", job, [*searchpath, *plan.words, "hydra.mode=MULTIRUN", place])
        except KeyboardInterrupt as stop:
            if isinstance(stop.__cause__, Interrupted):
                raise stop.__cause__ from None
            raise
    return list(find_failures(returned))


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
class SweepJob:
    """Hydra's task function: runs one job of the sweep, in this process or a launcher's.

    Args:
        inputs: of all jobs.
        swept: settings and groups that vary.
        earlier: runs of such jobs by hash, which are not made again.
    """

    inputs: SharedInputs
    swept: frozenset[str]
    earlier: dict[str, Found]

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
            hydra_config = HydraConfig.get()
            name = name_run(hydra_config.overrides.task, self.swept)
            return Failure(name, int(hydra_config.job.num), one_line(error), isinstance(error, UserError))
        return None

    def _run(self, composed: DictConfig) -> None:
        began, hydra_config = time.time(), HydraConfig.get()
        config = self.inputs.put_into(read_config(resolve_values(composed)))
        terminal = Terminal()
        prepared = prepare_run(config, terminal=terminal)
        folder = RunFolder(shorten(Path(hydra_config.runtime.output_dir)))
        workers = choose_workers_of_process(prepared.model, config.training)
        key = hash_job(prepared, threads=workers.threads, parts=workers.parts)
        if (found := self.earlier.get(key)) is not None:
            with suppress(OSError):
                folder.path.rmdir()  # Hydra has made it
            if not found.is_done:
                resume_run(found.folder, found.folder.read_config(), began=began, terminal=terminal)
            return
        name = config.tracking.run_name or name_run(hydra_config.overrides.task, self.swept)
        tags = {"sweep": folder.label.rpartition("/")[0]} if self.swept else {}
        config = replace(prepared.config, training=replace(prepared.config.training, parts=workers.parts))
        job = Job.of(replace(prepared, config=config), folder, name=name, tags=tags, began=began)
        start_run(replace(job, hash=key), terminal)


def find_failures(returned: Any) -> Iterator[Failure]:
    """Yield the failures in a sweeper's result: lists of the jobs' results, by batch."""
    match returned:
        case JobReturn():
            if isinstance(returned.return_value, Failure):
                yield returned.return_value
        case list() | tuple():
            for each in returned:
                yield from find_failures(each)
