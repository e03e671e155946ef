"""TensorFlow's profile of some updates, for TensorBoard: the time of each operation."""

import logging
from pathlib import Path
from types import TracebackType

import tensorflow as tf

from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import StepDone

FIRST_UPDATE = 3
"""The first recorded update of a process, from 1: earlier ones compile."""

log = logging.getLogger("charrnn_exp")


class Profiler(Listener):
    """Records the updates of this process from the third on; used as a context manager around them.

    Args:
        folder: where the profile goes.
        num_steps: updates to record; None: off.
    """

    def __init__(self, folder: Path, num_steps: int | None) -> None:
        self._folder = folder
        self._num_steps = num_steps
        self._num_done = 0
        self._is_recording = False

    def __enter__(self) -> "Profiler":
        return self

    def hear(self, event: RunEvent) -> None:
        """Start or stop recording after an update."""
        if self._num_steps is None or not isinstance(event, StepDone):
            return
        self._num_done += 1
        if self._num_done == FIRST_UPDATE - 1:
            tf.profiler.experimental.start(str(self._folder))
            self._is_recording = True
        elif self._num_done == FIRST_UPDATE - 1 + self._num_steps:
            self._stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_recording:  # fewer updates were made than asked for
            self._stop()
        if self._num_steps is not None and self._num_done < FIRST_UPDATE:
            log.warning("training.profile_steps: no profile, since fewer than %d updates were made.", FIRST_UPDATE)

    def _stop(self) -> None:
        tf.profiler.experimental.stop()
        self._is_recording = False
        log.info("profile: %s", self._folder)
