"""The loss curves, drawn at the end of a run."""

import logging
from collections.abc import Callable, Mapping

from charrnn_exp.data.corpus import describe
from charrnn_exp.evaluation.baseline.ngram import ORDER
from charrnn_exp.evaluation.baseline.published import find_lowest
from charrnn_exp.experiment.job import Job
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
        find_baselines: returns losses of the same validation text by name; may block.
    """

    def __init__(
        self, folder: RunFolder, *, title: str, facts: str, find_baselines: Callable[[], Mapping[str, float]]
    ) -> None:
        self._folder, self._title, self._facts, self._find_baselines = folder, title, facts, find_baselines

    def finish(self) -> None:
        """Draw the curves."""
        baselines = self._find_baselines()
        path = self._folder.plots / "loss.png"
        curves = read_metrics(self._folder.metrics)
        if missing := plot_losses(curves, path, title=self._title, facts=self._facts, baselines=baselines):
            log.warning(
                "%s: no font on this machine has %s, which stand there as escapes: install one, such as Noto Sans.",
                path,
                " ".join(missing),
            )


def make_curves(job: Job, *, num_weights: int, find_ngrams: Callable[[], float | None]) -> Curves:
    """Return the listener of a run.

    Args:
        job: of the run.
        num_weights: of its network.
        find_ngrams: returns the loss of the n-gram baseline, or None; may block.
    """
    characters = job.text.corpus.fingerprint.num_characters
    facts = f"{describe(job.config.dataset)}: {characters:,} characters, {num_weights:,} weights"
    published = find_lowest(job.find_published()).get("val")

    def find_baselines() -> dict[str, float]:
        loss = find_ngrams()
        counted = {} if loss is None else {f"{ORDER}-grams": loss}
        return counted if published is None else counted | {published.short: published.loss}

    return Curves(job.folder, title=job.name, facts=facts, find_baselines=find_baselines)
