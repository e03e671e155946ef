"""How the loss of each class of symbols fell from checkpoint to checkpoint.

Axes: n character, p scored character (all but the first).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrnn_exp.errors import MachineError, one_line
from charrnn_exp.evaluation.groups import CLASSES, find_class
from charrnn_exp.evaluation.insight.guesses import read_losses
from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.run_folder.checkpoint import WEIGHTS, Checkpoint
from charrnn_exp.run_folder.checkpoints import CheckpointStore

MAX_CHECKPOINTS = 12
"""Most that are scored, evenly over the steps, the first and the last among them."""


@dataclass(frozen=True)
class Growth:
    """Losses by class and step.

    Args:
        steps: of the checkpoints that are there, in ascending order.
        losses: of each class that the text has, at these steps, nats per character.
        counts: scored characters of each class.
    """

    steps: list[int]
    losses: dict[str, list[float]]
    counts: dict[str, int]


def measure_growth(subject: Subject, *, warn: Callable[[str], None]) -> Growth:
    """Return the losses of the checkpoints of a run on the text of a subject; its network is as it was at the end.

    Args:
        subject: with a network.
        warn: called with a line for each damaged checkpoint, which is skipped.
    """
    from charrnn_exp.model.weights import load_weights, read_weights

    vocabulary = subject.vocabulary
    by_symbol = np.array([CLASSES.index(find_class(point, vocabulary.unit)) for point in vocabulary.code_points])
    classes_p = by_symbol[subject.ids_n[1:].astype(np.int64)]
    there = [name for i, name in enumerate(CLASSES) if np.any(classes_p == i)]
    steps: list[int] = []
    losses: dict[str, list[float]] = {name: [] for name in there}
    before = read_weights(subject.network)
    try:
        for checkpoint in choose_checkpoints(subject.folder.checkpoints):
            try:
                load_weights(subject.network, checkpoint.read(WEIGHTS))
            except (MachineError, OSError) as error:
                warn(f"checkpoint {checkpoint.folder.name} is left out: {one_line(error)}")
                continue
            losses_p = read_losses(subject.network, subject.ids_n)
            steps.append(checkpoint.step)
            for name in there:
                losses[name].append(float(losses_p[classes_p == CLASSES.index(name)].mean()))
    finally:
        load_weights(subject.network, before)
    counts = {name: int(np.count_nonzero(classes_p == CLASSES.index(name))) for name in there}
    return Growth(steps, losses, counts)


def choose_checkpoints(folder: Any) -> list[Checkpoint]:
    """Return the checkpoints of a folder, at most `MAX_CHECKPOINTS` of them, evenly from the first to the last."""
    found = CheckpointStore(folder, facts={}, num_rolling=1).find_all()
    if len(found) <= MAX_CHECKPOINTS:
        return found
    return [found[i] for i in np.linspace(0, len(found) - 1, MAX_CHECKPOINTS).round().astype(int)]
