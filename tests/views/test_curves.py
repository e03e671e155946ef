"""The loss curve as a picture."""

import struct
import warnings
from pathlib import Path

import matplotlib
import pytest

from charrnn_exp.views.curves import _smooth, plot_losses


@pytest.mark.parametrize("curves", [{}, {"train_loss": [(1, 2.0)]}, {"train_loss": [(1, 2.0)], "val_loss": [(9, 1.0)]}])
def test_any_number_of_points_gives_a_png(tmp_path: Path, curves: dict[str, list[tuple[int, float]]]) -> None:
    path = tmp_path / "loss.png"
    plot_losses(curves, path, title="a run", baselines={"7-grams": 1.5})
    raw = path.read_bytes()
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (960, 540)


def test_smoothing_keeps_the_mean_and_the_last_step() -> None:
    smooth = _smooth([(step, float(step)) for step in range(1, 1001)])
    assert len(smooth) == 100
    assert smooth[-1] == (1000, 995.5)


def test_a_title_is_text_and_what_lies_nearby_does_not_change_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, title in (("plain.png", "a run"), ("odd.png", "a$\\frac$b")):
        plot_losses({}, tmp_path / name, title=title, baselines={})
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)  # as a matplotlibrc would
    plot_losses({}, tmp_path / "again.png", title="a run", baselines={})
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
    assert matplotlib.rcParams["text.usetex"]


@pytest.mark.filterwarnings("error")
def test_a_title_of_characters_that_the_font_lacks_is_drawn_without_a_word(tmp_path: Path) -> None:
    plot_losses({"train_loss": [(1, 2.0)]}, tmp_path / "loss.png", title="\U0001f600\x1b\uac00", baselines={})
    assert (tmp_path / "loss.png").stat().st_size > 0


def test_a_long_title_leaves_room_for_the_curves(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_losses({"train_loss": [(1, 4.0), (2, 3.0)]}, tmp_path / "loss.png", title="W W " * 500, baselines={})
