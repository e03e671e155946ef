"""Transfer of another run's weights to a new vocabulary, as plain arrays without TensorFlow."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from charrnn_exp.data.vocabulary import Vocabulary
from charrnn_exp.errors import MachineError
from charrnn_exp.model.cells.registry import CELLS
from charrnn_exp.run_folder.arrays import Arrays

NEW_SHARE = 0.001
"""All new symbols together start with at most this probability, at every place of every text."""


@dataclass(frozen=True)
class InitialWeights:
    """The weights of another run.

    Args:
        source: path of the checkpoint, for messages.
        arrays: of its `weights.npz`.
        vocabulary: symbols of their rows and columns.
    """

    source: str
    arrays: Arrays
    vocabulary: Vocabulary

    def fit(self, fresh: Arrays, vocabulary: Vocabulary) -> Arrays:
        """Return the weights fitted to the vocabulary of another network.

        Shared symbols keep their weights. The input weights of a new symbol are those that the network drew. Its
        output weights are the mean over the shared symbols, with a lower bias; so is a tied embedding, which is an
        output.

        By Jensen's inequality a mean of K logits is at most the logarithm of the sum of their exponentials less ln K.
        So the new symbols together get at most `NEW_SHARE` of the probability, and no loss of the old text rises by
        more than -ln(1 - NEW_SHARE), 0.001 nats per character.

        Args:
            fresh: weights that the network drew, by name.
            vocabulary: of the network.

        Raises:
            MachineError: if names, or shapes apart from the symbol axis, differ though the settings are the same.
        """
        if problems := _find_misfits(self.arrays, fresh, self.source):
            raise MachineError(*problems)
        match = _match(self.vocabulary, vocabulary)
        low = math.log(max(1.0, len(match.added) / (NEW_SHARE * len(match.old))))
        fitted: Arrays = {}
        for name, drawn in fresh.items():
            axis = _find_symbol_axis(name, fresh)
            if axis is None:
                fitted[name] = self.arrays[name]
                continue
            fitted[name] = np.array(drawn)
            rows, old_rows = np.moveaxis(fitted[name], axis, 0), np.moveaxis(self.arrays[name], axis, 0)[match.old]
            if _is_output(name, fresh):
                rows[match.added] = old_rows.mean(0) - (low if rows.ndim == 1 else 0.0)
            rows[match.kept] = old_rows
        return fitted

    def describe(self, vocabulary: Vocabulary) -> str:
        """Return one line: the source, and the numbers of known, new and dropped symbols."""
        match = _match(self.vocabulary, vocabulary)
        dropped = len(self.vocabulary) - len(match.old)
        return f"starting from {self.source}: {len(match.old)} symbols known, {len(match.added)} new, {dropped} dropped"


@dataclass(frozen=True)
class _Match:
    """Ids of shared symbols in the `old` and the new (`kept`) vocabulary, and of `added` ones."""

    old: list[int]
    kept: list[int]
    added: list[int]


def _match(old: Vocabulary, new: Vocabulary) -> _Match:
    old_ids = {point: i for i, point in enumerate(old.code_points)}
    known = [(old_ids[point], i) for i, point in enumerate(new.code_points) if point in old_ids]
    added = [i for i, point in enumerate(new.code_points) if point not in old_ids]
    return _Match([i for i, _ in known], [i for _, i in known], added)


def _find_misfits(arrays: Arrays, fresh: Arrays, source: str) -> list[str]:
    def shape(weights: Arrays, name: str) -> str:
        """Return the shape in words, `symbols` where it follows the vocabulary."""
        if name not in weights:
            return "nothing"
        axis = _find_symbol_axis(name, weights)
        return " x ".join("symbols" if i == axis else str(size) for i, size in enumerate(weights[name].shape))

    return [
        f"training.init_from must be a run of the same model, got {shape(arrays, name)} for {name} in {source} where "
        f"this model has {shape(fresh, name)}."
        for name in {**fresh, **arrays}
        if shape(arrays, name) != shape(fresh, name)
    ]


def _find_symbol_axis(name: str, names: Collection[str]) -> int | None:
    """Return the axis of a weight that has a place for each symbol."""
    is_one_hot = not any(other.startswith("embedding.") for other in names)
    layer, _, weight = name.rpartition(".")
    match layer, weight:
        case ("embedding", _) | ("output", "bias"):
            return 0
        case "output", "kernel":
            return 1
        case _ if is_one_hot and _reads_symbols(layer, weight):
            return 0
        case _:
            return None


def _reads_symbols(layer: str, weight: str) -> bool:
    """Return whether a weight multiplies the inputs of the first recurrent layer."""
    cell, _, number = layer.rpartition("_")
    return number == "1" and cell in CELLS and weight == CELLS.find(cell).kernel


def _is_output(name: str, names: Collection[str]) -> bool:
    """Return whether a weight makes logits; the embedding does where it is tied."""
    return name.startswith("output.") or (name.startswith("embedding.") and "output.kernel" not in names)
