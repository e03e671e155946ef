"""How new the last sampled lines of a run are, where its text is a list of lines."""

from collections.abc import Callable

from charrnn_exp.data.lines import iterate_lines
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Chosen, Listener, RunEvent, Sampled
from charrnn_exp.sampling.novelty import count_novelty


class NoveltyOfLines(Listener):
    """Compares the last sample with the training text, when it is written.

    Args:
        job: its folder has the sample, its text the lines.
        announce: called with the counts, once, at the end of a run on lines.
    """

    def __init__(self, job: Job, announce: Callable[[Sampled], None]) -> None:
        self._job, self._announce = job, announce
        self._step: int | None = None

    def hear(self, event: RunEvent) -> None:
        """Keep the step whose sample speaks for the run."""
        if isinstance(event, Chosen):
            self._step = event.step

    def finish(self) -> None:
        """Count the lines of the sample."""
        splits, vocabulary = self._job.text.splits, self._job.text.corpus.vocabulary
        path = self._job.folder.samples / f"step_{self._step}.txt"
        if splits.line_break is None or self._step is None or not path.exists():
            return
        training = iterate_lines(splits.train_n, vocabulary, splits.line_break)
        lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
        self._announce(Sampled(self._step, count_novelty(lines, training)))
