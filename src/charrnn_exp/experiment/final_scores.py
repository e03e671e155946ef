"""The scores of validation and test text after the last step.

Axes: n character.
"""

from collections.abc import Iterator

from charrnn_exp.data.splits import count_scored
from charrnn_exp.errors import Interrupted
from charrnn_exp.evaluation.scorer import Scorer
from charrnn_exp.evaluation.scores import Scores, from_metrics
from charrnn_exp.experiment.job import Job
from charrnn_exp.experiment.listeners.listener import Scored
from charrnn_exp.experiment.stopwatch import Stopwatch
from charrnn_exp.program import name_program
from charrnn_exp.run_folder.metrics import read_metrics
from charrnn_exp.signals import StopRequest
from charrnn_exp.training.state import TrainingState


def read_scores(job: Job, *, step: int) -> dict[str, Scores]:
    """Return the scores of this step from `metrics.jsonl`, by split."""
    curves = read_metrics(job.folder.metrics)
    metrics = {name: value for name, curve in curves.items() for at, value in curve if at == step}
    found = {
        split: from_metrics(split, metrics, num_characters=count_scored(ids_n, starts))
        for split, (ids_n, starts) in job.text.splits.list_scored().items()
    }
    return {split: scores for split, scores in found.items() if scores is not None}


def score_splits(job: Job, state: TrainingState, watch: Stopwatch, stop: StopRequest, *, step: int) -> Iterator[Scored]:
    """Score validation and test text with the sampled weights, which are of `step`; skip those in `metrics.jsonl`.

    Raises:
        Interrupted: if a signal stops the run.
    """
    known = read_scores(job, step=step)
    for split, (ids_n, starts) in job.text.splits.list_scored().items():
        if split in known:
            continue
        with watch.time("scores"), state.averaged_weights():
            scores = Scorer(state.network, ids_n, starts, num_parts=state.num_parts).score(stop)
        if scores is None:
            assert stop.signal_number is not None
            raise Interrupted(
                stop.signal_number,
                f"stopped after the last step, before its scores. "
                f"Go on with: {name_program()} resume run={job.folder.path}",
            )
        yield Scored(step, split, scores)
