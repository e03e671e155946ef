"""The end of a run: its true status is written to its folder and to MLflow."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from charrnn_exp.errors import CharRNNError, Interrupted, one_line
from charrnn_exp.experiment.listeners.feed import TrackerFeed
from charrnn_exp.experiment.listeners.listener import Listener
from charrnn_exp.experiment.listeners.summary import SummaryFile
from charrnn_exp.run_folder.folder import RunFolder

log = logging.getLogger("charrnn_exp")


@contextmanager
def beginning(folder: RunFolder) -> Iterator[None]:
    """Write the status FAILED if building the model fails: out of memory, weights that do not fit."""
    try:
        yield
    except Exception as error:
        log.error(one_line(error))
        summary = folder.read_summary()
        if not summary.has_ended:
            with logging_disk_errors("FAILED"):
                folder.write_summary(replace(summary, status="FAILED"))
        raise


@contextmanager
def closing(listeners: Sequence[Listener], *, summary: SummaryFile, feed: TrackerFeed) -> Iterator[None]:
    """Start the listeners; close them with the true status at the end.

    Args:
        listeners: all of the run, in order.
        summary: one of them; written once more when MLflow has answered.
        feed: one of them; it sends the files that the others have closed.
    """
    status = "FAILED"
    try:
        for listener in listeners:
            listener.start()
        yield
        status = "FINISHED"
    except (Interrupted, KeyboardInterrupt):
        status = "KILLED"
        raise
    except CharRNNError as error:
        log.error(str(error))
        raise
    except OSError as error:  # a disk that is full or gone
        log.error(one_line(error))
        raise
    except Exception:
        log.exception("this is a bug in charrnn_exp")
        raise
    finally:
        # A full disk must not hide the error that ended the run, nor keep MLflow from the status.
        for listener in listeners:
            with logging_disk_errors(status):
                listener.close(status)
        feed.send_end(status)
        with logging_disk_errors(status):
            feed.note_end()
            summary.write(status)


@contextmanager
def logging_disk_errors(status: str) -> Iterator[None]:
    """Raise a disk error after a finished run; log it after another error."""
    try:
        yield
    except OSError as error:
        if status == "FINISHED":
            raise
        log.error("the end of the run could not be written: %s", one_line(error))
