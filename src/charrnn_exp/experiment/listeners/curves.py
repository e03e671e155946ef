"""The loss curves, drawn at the end of a run."""

import logging
from collections.abc import Callable

from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.experiment.listeners.listener import Listener
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.views.curves import plot_losses

log = logging.getLogger("charrnn_exp")


class Curves(Listener):
    """Draws `plots/loss.png` from the rows of the run folder.

    Args:
        folder: of the run.
        title: name of the run.
        facts: of its text and its size.
        find_baseline: returns the loss of the n-gram baseline, or None; may block.
    """

    def __init__(self, folder: RunFolder, *, title: str, facts: str, find_baseline: Callable[[], float | None]) -> None:
        self._folder, self._title, self._facts, self._find_baseline = folder, title, facts, find_baseline

    def finish(self) -> None:
        """Draw the curves."""
        loss = self._find_baseline()
        baselines = {} if loss is None else {f"{ORDER}-grams": loss}
        path = self._folder.plots / "loss.png"
        curves = read_metrics(self._folder.metrics)
        if missing := plot_losses(curves, path, title=self._title, facts=self._facts, baselines=baselines):
            log.warning(
                "%s: no font on this machine has %s, which stand there as escapes: install one, such as Noto Sans.",
                path,
                " ".join(missing),
            )
