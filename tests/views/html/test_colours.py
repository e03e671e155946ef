"""Colours behind text."""

import pytest

from charrnn_exp.views.html.colours import DARK, LIGHT, Theme, find_contrast, list_colours


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_on_each_colour(theme: Theme) -> None:
    for name, colour in list_colours(theme).items():
        assert find_contrast(theme.text, colour) >= 4.5, name


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", "spn")
def test_more_is_further_from_the_page(theme: Theme, kind: str) -> None:
    colours = [colour for name, colour in list_colours(theme).items() if name[0] == kind]
    contrasts = [find_contrast(theme.ground, colour) for colour in colours]
    assert len(set(contrasts)) == len(contrasts)
    assert contrasts == sorted(contrasts)
