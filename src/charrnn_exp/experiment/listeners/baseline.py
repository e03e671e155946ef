"""The n-gram baseline, counted beside the training.

Axes: n character.
"""

from charrnn_exp.data.preparation import PreparedText
from charrnn_exp.evaluation.baseline.ngram import MAX_CHARACTERS
from charrnn_exp.evaluation.baseline.process import BaselineProcess
from charrnn_exp.evaluation.baseline.shared import SharedLoss
from charrnn_exp.experiment.listeners.listener import Listener, RunEvent
from charrnn_exp.training.loop import StepDone


class Baseline(Listener):
    """Counts n-grams in a separate process, from the first update on, unless they are counted for several runs.

    Args:
        text: training and validation text.
        known: the loss from an earlier session, nats per character; None: not known.
        shared: counts for several runs; None: nobody does.
    """

    def __init__(self, text: PreparedText, known: float | None, shared: SharedLoss | None = None) -> None:
        self._text, self._known = text, known
        self._counter: BaselineProcess | SharedLoss | None = shared
        self._has_begun = shared is not None

    def hear(self, event: RunEvent) -> None:
        """Start counting after the first update, which compiles."""
        if isinstance(event, StepDone):
            self._begin()

    def find_loss(self) -> float | None:
        """Return the loss, nats per character; None until it is counted."""
        counted = None if self._counter is None else self._counter.find_loss(wait=False)
        return self._known if counted is None else counted

    def wait_for_loss(self) -> float | None:
        """Wait for the loss and return it; None where it is never counted."""
        if self._known is None:
            self._begin()  # no update was left
        if self._counter is not None:
            self._counter.find_loss(wait=True)
        return self.find_loss()

    def close(self, status: str) -> None:
        """Stop the process."""
        if self._counter is not None:
            self._counter.stop()

    def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        splits, num_symbols = self._text.splits, len(self._text.corpus.vocabulary)
        if splits.val_n is not None and len(splits.train_n) <= MAX_CHARACTERS:  # more would take too long
            self._counter = BaselineProcess(
                splits.train_n,
                splits.val_n,
                splits.val_starts,
                num_symbols=num_symbols,
                line_break=splits.line_break,
            )
