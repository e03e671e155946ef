"""The study of a network's cells on a text: what they follow, and how saturated its gates are.

Axes: n character, m matrix rows (cells), k matrix columns (properties).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.evaluation.insight.finder import Half, Search, choose_features, find_followers
from charrnn_exp.evaluation.insight.states import CellName, Saturation, Tracer, find_saturation
from charrnn_exp.evaluation.insight.subject import Subject

LEAST_CONTROLS = 500
"""Fewest cells of untrained networks whose scores make a standard deviation."""
MOST_NETWORKS = 12
"""Most untrained networks: a network of a few units is a toy, and its bar is rougher."""
CONTROL_SEED = 1_000_003
"""Added to the seed of the run: its own first weights are no control."""


@dataclass(frozen=True)
class Study:
    """What was found about the cells of a network.

    Args:
        search: the cells that follow a property.
        names: of all cells.
        values_mn: of all cells on the second half of the text.
        text: that half.
        labels_kn: of the properties that were looked for on that half, as the whole text has them.
        num_chosen: characters of the first half.
        saturations: of its gates, on the first half.
    """

    search: Search
    names: Sequence[CellName]
    values_mn: npt.NDArray[np.float32]
    text: str
    labels_kn: npt.NDArray[np.float64]
    num_chosen: int
    saturations: list[Saturation]


def study_cells(subject: Subject) -> Study:
    """Return what the cells of a network follow: chosen on the first half of its text, scored on the second.

    Of an odd number of characters the last is left out.
    """
    middle = len(subject.ids_n) // 2
    text, second_n = subject.text[: 2 * middle], subject.ids_n[middle : 2 * middle]
    tracer = Tracer(subject.network, middle)
    first = tracer.trace(subject.ids_n[:middle])
    saturations, names = find_saturation(subject.network, first), first.list_names()
    second_mn = tracer.trace(second_n).stack()
    common, rare = choose_features(text, middle)
    labels_kn = np.array(list(common.values())).reshape(len(common), 2 * middle)
    search = Search([], 0.0, {}, [], [], len(names))
    if common:
        chosen, scored = Half(first.stack(), labels_kn[:, :middle]), Half(second_mn, labels_kn[:, middle:])
        search = find_followers(chosen, scored, trace_untrained(subject, second_n), list(common))
    search = replace(search, rare=rare)
    return Study(search, names, second_mn, text[middle:], labels_kn[:, middle:], middle, saturations)


def trace_untrained(subject: Subject, ids_n: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the values of the cells of untrained networks of the same kind: `LEAST_CONTROLS` of them and more, or
    those of `MOST_NETWORKS` networks."""
    from charrnn_exp.model.network import build_network
    from charrnn_exp.model.size import resolve
    from charrnn_exp.model.weights import load_weights, read_weights

    config, num_symbols = subject.config, len(subject.vocabulary)
    model = resolve(config.model, num_symbols=num_symbols)

    def build(number: int) -> Any:
        return build_network(
            model,
            num_symbols=num_symbols,
            precision=config.training.precision,
            seed=(config.seed + CONTROL_SEED + 1000 * number) % 2**31,
            line_break=subject.network.line_break,
        )

    control = build(0)
    tracer = Tracer(control, len(ids_n))
    found = [tracer.trace(ids_n).stack()]
    while sum(len(each) for each in found) < LEAST_CONTROLS and len(found) < MOST_NETWORKS:
        load_weights(control, read_weights(build(len(found))))
        found.append(tracer.trace(ids_n).stack())
    return np.concatenate(found)
