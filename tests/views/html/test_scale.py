"""Places on a scale."""

import pytest

from charrnn_exp.views.html.charts import Line, draw_lines
from charrnn_exp.views.html.scale import fit_scale


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("values", [[], [3.0], [0.5, 0.5], [0.25, 4.0, 1.0]])
def test_every_scale_has_a_place_for_its_values_and_ticks(values: list[float], *, is_log: bool) -> None:
    scale = fit_scale(values, 10.0, 90.0, is_log=is_log)
    for value in (*values, scale.low, scale.high, *scale.list_ticks(5)):
        assert 10.0 <= scale.place(value) <= 90.0
    assert not values or (scale.low <= min(values) and max(values) <= scale.high)


@pytest.mark.parametrize("logs", ["", "x", "y", "xy"])
@pytest.mark.parametrize("xs", [[], [2.0], [1.0, 8.0]])
def test_a_chart_of_few_points_or_none_is_drawn(xs: list[float], logs: str) -> None:
    line = Line(letter="a", label="a line", number=0, xs=xs, ys=xs, spreads=[0.0] * len(xs))
    assert draw_lines([line], x_name="x", y_name="y", title="a chart", logs=logs).startswith("<svg")
