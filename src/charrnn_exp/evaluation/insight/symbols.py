"""Symbols by name, and their places on a map.

Axes: v vocabulary, u distinct value (a symbol that is shown), e input features, k matrix columns (the neighbours,
nearest first).
"""

import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from charrnn_exp.config.choices import Unit
from charrnn_exp.data.vocabulary import Vocabulary

NAMES = {" ": "space", "\n": "line break", "\t": "tab", "\r": "carriage return", "\u00a0": "no-break space"}

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SymbolMap:
    """Symbols as points.

    Args:
        points_v2: the first two principal components of the centred vectors.
        shares: of the variance, that each of the two has.
        neighbours_uk: ids of the nearest of all symbols to each shown one, by cosine.
        cosines_uk: of these.
    """

    points_v2: Array
    shares: tuple[float, float]
    neighbours_uk: npt.NDArray[np.int64]
    cosines_uk: Array


def list_characters(vocabulary: Vocabulary) -> list[str]:
    """Return one character for each symbol; a byte is the character of that number."""
    return [chr(point) for point in vocabulary.code_points]


def name_symbol(vocabulary: Vocabulary, number: int) -> str:
    """Return a name for a symbol that a reader can see.

    >>> vocabulary = Vocabulary(Unit.char, (10, 32, 97, 0x301))
    >>> [name_symbol(vocabulary, number) for number in range(4)]
    ['line break', 'space', 'a', 'U+0301']
    """
    point = vocabulary.code_points[number]
    if vocabulary.unit is Unit.byte and point >= 0x7F:
        return f"0x{point:02X}"
    character = chr(point)
    if character in NAMES:
        return NAMES[character]
    is_seen = unicodedata.category(character)[0] in "LNPS"
    return character if is_seen else f"U+{point:04X}"


def read_vectors(network: Any) -> Array:
    """Return the vector of each symbol, vectors_ve: the embedding, or for one-hot inputs the rows of the kernel."""
    layer = network.recurrent[0]
    found = layer.weights_by_name[layer.cell.kernel] if network.embedding is None else network.embedding.embeddings
    vectors_ve: Array = np.asarray(found.numpy(), np.float64)
    return vectors_ve


def map_symbols(vectors_ve: Array, shown_u: npt.NDArray[np.int64], *, count: int) -> SymbolMap:
    """Return the map of the vectors.

    Args:
        vectors_ve: a row for each symbol.
        shown_u: ids of the symbols whose neighbours are found.
        count: neighbours of each; at most v - 1 are returned.
    """
    centred_ve = vectors_ve - vectors_ve.mean(axis=0)
    left_vk, sizes_k, _ = np.linalg.svd(centred_ve, full_matrices=False)
    points_v2 = np.zeros((len(vectors_ve), 2))
    points_v2[:, : len(sizes_k)] = left_vk[:, :2] * sizes_k[:2]
    total = float(np.sum(sizes_k**2)) or 1.0
    shares = [float(size**2) / total for size in sizes_k[:2]] + [0.0, 0.0]
    lengths_v1 = np.linalg.norm(vectors_ve, axis=1, keepdims=True)
    unit_ve = vectors_ve / np.where(lengths_v1 > 0.0, lengths_v1, 1.0)
    cosines_uv = unit_ve[shown_u] @ unit_ve.T
    cosines_uv[np.arange(len(shown_u)), shown_u] = -np.inf  # none is its own neighbour
    neighbours_uk = np.argsort(-cosines_uv, axis=1, kind="stable")[:, : min(count, len(vectors_ve) - 1)]
    cosines_uk = np.take_along_axis(cosines_uv, neighbours_uk, axis=1)
    return SymbolMap(points_v2, (shares[0], shares[1]), neighbours_uk, cosines_uk)
