"""The text at which samples end.

Axes: b stream, t time.
"""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]


class Stop:
    """Cuts the pieces of several texts where each first comes to the stop text, which stays at its end.

    Args:
        ids_t: the stop text, at least one symbol; None: no text ends.
        num_texts: b.
    """

    def __init__(self, ids_t: Ids | None, num_texts: int) -> None:
        self._ids_t = ids_t
        self._tails: list[Ids] = [np.zeros(0, np.int32)] * num_texts
        """Newest ids of each text, fewer than the stop text has: it may lie across two pieces."""
        self._is_over = [False] * num_texts

    @property
    def is_reached(self) -> bool:
        """Whether all texts have ended."""
        return all(self._is_over)

    def cut(self, ids_bt: npt.NDArray[np.int32]) -> list[Ids]:
        """Return for each text the ids that still belong to it; none after its end."""
        return [self._cut(i, ids_t) for i, ids_t in enumerate(ids_bt)]

    def _cut(self, i: int, ids_t: Ids) -> Ids:
        if self._is_over[i]:
            return ids_t[:0]
        if self._ids_t is None:
            return ids_t
        joined_t, length = np.concatenate([self._tails[i], ids_t]), len(self._ids_t)
        if len(joined_t) >= length:
            windows = np.lib.stride_tricks.sliding_window_view(joined_t, length)
            places = np.flatnonzero((windows == self._ids_t).all(axis=1))
            if len(places):
                self._is_over[i] = True
                return ids_t[: places[0] + length - len(self._tails[i])]
        self._tails[i] = joined_t[max(0, len(joined_t) - length + 1) :]
        return ids_t
