"""The loss curve as a picture."""

import struct
import warnings
from pathlib import Path

import matplotlib
import pytest

from charrnn_exp.views.curves import _add_best, _draw, _find_limits, _smooth, plot_losses
from charrnn_exp.views.fonts import DEFAULT, find_fonts


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
def test_a_title_of_any_script_is_drawn_and_what_no_font_has_is_named(tmp_path: Path) -> None:
    curves = {"train_loss": [(1, 2.0)]}
    path = tmp_path / "loss.png"
    greek = "\u03b1 \u0440\u0443\u0441 \u05d0\u05d1 \u0639\u0631\u0628\x1b"
    assert plot_losses(curves, path, title=greek, baselines={}) == ""
    assert plot_losses(curves, path, title="a \u0378", facts="b", baselines={}) in ("", "\u0378")
    assert find_fonts("a\U0002ffff")[1] in ("", "\U0002ffff")


def test_a_font_that_has_what_the_default_lacks_is_found() -> None:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    default = FT2Font(font_manager.findfont(DEFAULT)).get_charmap()
    path = font_manager.findfont("STIXGeneral")  # matplotlib brings it along
    codes = sorted(FT2Font(path).get_charmap())
    lacking = next(chr(code) for code in codes if code not in default and code > 0xFF and chr(code).isprintable())
    names, missing = find_fonts(f"a{lacking}")
    assert (len(names), names[0], missing) == (2, DEFAULT, "")


def test_the_validation_is_readable_though_training_began_far_above() -> None:
    train = [(step, 1.3 + 4.0 * 0.9**step) for step in range(1, 201)]
    val = [(step, 1.5 - step / 2000) for step in range(20, 201, 20)]
    low, high = _find_limits(train, train, val, {"7-grams": 1.52}) or (0.0, 0.0)
    assert low < 1.3 < 1.52 < high < 2.5
    assert _find_limits([], [], [], {}) is None
    assert _find_limits([(1, float("nan"))], [], [(1, float("inf"))], {}) is None


def test_steps_are_whole_numbers_and_the_title_has_text_size_and_best() -> None:
    from matplotlib.figure import Figure

    for last in (1, 2, 3, 7, 12_345):
        figure = Figure()
        axes = figure.subplots()
        _draw(axes, {"val_loss": [(1, 2.0), (last, 1.0)]}, {})
        figure.draw_without_rendering()
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert all(float(label.replace(",", "").replace("\u2212", "-")).is_integer() for label in labels)
        assert len(set(labels)) == len(labels)
    assert _add_best("tiny: 9 characters, 12 weights", {"val_loss": [(1, 2.0), (7, 1.25), (9, 1.5)]}) == (
        "tiny: 9 characters, 12 weights, best val_loss 1.2500 at step 7"
    )


def test_a_long_title_leaves_room_for_the_curves(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_losses({"train_loss": [(1, 4.0), (2, 3.0)]}, tmp_path / "loss.png", title="W W " * 500, baselines={})
