"""Points and words as pictures."""

import re

from charrnn_exp.views.html.scatter import Point, draw_points, draw_words
from tests.viewed_run import EVIL


def test_words_stand_where_their_points_are_with_one_unit_on_both_axes() -> None:
    words = [Point(x=0.0, y=0.0, label="a"), Point(x=2.0, y=0.0, label="b"), Point(x=0.0, y=1.0, label="c")]
    places = {name: (float(x), float(y)) for x, y, name in
              re.findall(r'<text x="([\d.]+)" y="([\d.]+)".*?>(\w)</text>', draw_words(words, title="t"))}  # fmt: skip
    across, up = places["b"][0] - places["a"][0], places["a"][1] - places["c"][1]
    assert abs(across - 2 * up) < 0.3
    assert across > 100


def test_equal_points_and_one_alone_are_drawn_in_the_picture() -> None:
    for points in ([Point(x=3.0, y=-1.0, label="a")], [Point(x=0.0, y=0.0, label="a")] * 3):
        for picture in (draw_words(points, title="t"), draw_points(points, x_name="x", y_name="y", title="t")):
            assert "nan" not in picture
            assert "inf" not in picture


def test_labels_are_text() -> None:
    for picture in (
        draw_words([Point(x=0.0, y=0.0, label=EVIL)], title=EVIL),
        draw_points([Point(x=0.0, y=0.0, label=EVIL)], x_name="x", y_name="y", title=EVIL),
    ):
        assert "<script" not in picture
        assert "<img" not in picture
