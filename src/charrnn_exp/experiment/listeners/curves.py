"""The loss curves, drawn at the end of a run."""

from collections.abc import Callable

from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.experiment.listeners.listener import Listener
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.views.curves import plot_losses


class Curves(Listener):
    """Draws `plots/loss.png` from the rows of the run folder.

    Args:
        folder: of the run.
        title: of the picture.
        find_baseline: returns the loss of the n-gram baseline, or None; may block.
    """

    def __init__(self, folder: RunFolder, *, title: str, find_baseline: Callable[[], float | None]) -> None:
        self._folder, self._title, self._find_baseline = folder, title, find_baseline

    def finish(self) -> None:
        """Draw the curves."""
        loss = self._find_baseline()
        baselines = {} if loss is None else {f"{ORDER}-grams": loss}
        path = self._folder.plots / "loss.png"
        plot_losses(read_metrics(self._folder.metrics), path, title=self._title, baselines=baselines)
