"""Lines cut out of samples."""

import numpy as np
import pytest

from charrnn_exp.sampling.lines import cut_line

BREAK = 3


@pytest.mark.parametrize(
    ("ids", "line"),
    [
        ([BREAK, 1, 2, BREAK], [1, 2]),
        ([BREAK, 1, 2], [1, 2]),
        ([BREAK, BREAK], []),
        ([BREAK, 1, BREAK], [1]),
    ],
)
def test_a_line_is_what_stands_between_two_line_breaks_or_as_far_as_it_came(ids: list[int], line: list[int]) -> None:
    assert cut_line(np.array(ids, np.int32), BREAK).tolist() == line
