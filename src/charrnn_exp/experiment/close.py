"""The end of a run: the true status in its folder and in MLflow, whichever way it ended."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from charrnn_exp.config.schema import Config
from charrnn_exp.errors import CharRNNError, Interrupted, one_line
from charrnn_exp.experiment.recorder import Recorder
from charrnn_exp.run_folder.checkpoints import CheckpointStore
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.tracking.catch_up import list_artifacts
from charrnn_exp.tracking.tracker import Tracker

log = logging.getLogger("charrnn_exp")


@contextmanager
def beginning(folder: RunFolder) -> Iterator[None]:
    """Write that the run FAILED if it does before there is a model: no memory, weights that do not fit."""
    try:
        yield
    except Exception as error:
        log.error(one_line(error))
        if not folder.summary.exists():
            with _telling("FAILED"):
                folder.write_summary({"status": "FAILED", "step": 0})
        raise


@contextmanager
def closing(
    folder: RunFolder,
    recorder: Recorder,
    tracker: Tracker,
    checkpoints: CheckpointStore,
    config: Config,
) -> Iterator[None]:
    """Write the true status, whichever way the run ends: FINISHED, KILLED or FAILED."""
    status = "FAILED"
    try:
        folder.write_summary(recorder.summarise("RUNNING"))
        yield
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    except CharRNNError as error:
        log.error(str(error))
        raise
    except Exception:
        log.exception("this is a bug in charrnn_exp")
        raise
    finally:
        # A full disk must not hide the error that ended the run, nor keep MLflow from the status.
        with _telling(status):
            recorder.close()
            folder.write_summary(recorder.summarise(status))
        with recorder.watch.time("tracking"):
            tracker.finish(status, artifacts=list_artifacts(folder, checkpoints, config.tracking.log_checkpoints))
        with _telling(status):
            if tracker.run_id is not None:
                folder.write_tracking({**folder.read_tracking(), "complete": tracker.error is None})
            folder.write_summary(recorder.summarise(status))


@contextmanager
def _telling(status: str) -> Iterator[None]:
    """Raise an error of the disk after a run that went well; after another error only log it."""
    try:
        yield
    except OSError as error:
        if status == "FINISHED":
            raise
        log.error("the end of the run could not be written: %s", one_line(error))
