"""Lines that a model of lines has written.

Axes: t time.
"""

import numpy as np
import numpy.typing as npt


def cut_line(ids_t: npt.NDArray[np.int32], line_break: int) -> npt.NDArray[np.int32]:
    """Return a sample without the line breaks before and after its line; one that has not ended lacks the last.

    Args:
        ids_t: a line break, and a text up to the next one.
        line_break: its id.
    """
    return ids_t[1:-1] if len(ids_t) > 1 and ids_t[-1] == line_break else ids_t[1:]
