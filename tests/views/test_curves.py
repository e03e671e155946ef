"""The loss curve as a picture."""

import struct
from pathlib import Path

import pytest

from charrnn_exp.views.curves import _smooth, plot_losses


@pytest.mark.parametrize("curves", [{}, {"train_loss": [(1, 2.0)]}, {"train_loss": [(1, 2.0)], "val_loss": [(9, 1.0)]}])
def test_any_number_of_points_gives_a_png(tmp_path: Path, curves: dict[str, list[tuple[int, float]]]) -> None:
    path = tmp_path / "loss.png"
    plot_losses(curves, path, title="a run", floors={"7-grams": 1.5})
    raw = path.read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (960, 540)


def test_smoothing_keeps_the_mean_and_the_last_step() -> None:
    smooth = _smooth([(step, float(step)) for step in range(1, 1001)])
    assert len(smooth) == 100
    assert smooth[-1] == (1000, 995.5)
