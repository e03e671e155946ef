"""The pages of `tracking.views`, made of the chosen weights at the end of a run.

Axes: n character.
"""

import logging

from charrnn_exp.errors import CharRNNError, one_line
from charrnn_exp.evaluation.insight.subject import Subject, choose_split
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Listener
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.files import write_durably
from charrnn_exp.model.network import Network
from charrnn_exp.views.kinds.pages import check_length, choose_kinds, make_pages

log = logging.getLogger("charrnn_exp")


class Views(Listener):
    """Writes `views/KIND.html`; a page that cannot be made is left out, with a warning: the run is finished by then.

    Args:
        job: its text and `tracking.views` are used.
        network: with the chosen weights at the end.
        watch: for the seconds.
    """

    def __init__(self, job: Job, network: Network, *, watch: Stopwatch) -> None:
        self._job, self._network, self._watch = job, network, watch

    def finish(self) -> None:
        """Make the pages."""
        job = self._job
        if not job.config.tracking.views:
            return
        kinds = choose_kinds(",".join(job.config.tracking.views))
        ids_n, name = choose_split(job.text.splits, job.config, None)
        vocabulary = job.text.corpus.vocabulary
        num_added = int(job.text.splits.line_break is not None)
        subject = Subject(job.folder, job.config, vocabulary, self._network, ids_n, name, True, num_added)
        with self._watch.time("views"):
            for kind in kinds:
                try:
                    check_length([kind], subject)
                    for made, page in make_pages([kind], subject, None, num_characters=None, warn=log.warning):
                        job.folder.views.mkdir(exist_ok=True)
                        write_durably(job.folder.views / f"{made}.html", page)
                except (CharRNNError, OSError) as error:
                    log.warning("views/%s.html is left out: %s", kind.name, one_line(error))
