"""The views in a real browser: on a phone and a large screen, by mouse and keyboard, without a network."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.cli import main
from charrnn_exp.config.choices import VIEWS
from charrnn_exp.run_folder.folder import RunFolder
from tests.slow.test_compare import CONTRAST, browser, look
from tests.viewed_run import viewed_run
from tests.views.kinds.pages import check_page

__all__ = ["browser", "viewed_run"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PICTURES = os.environ.get("CHARRNN_UI_PICTURES")
"""Folder to leave the pictures in."""


@pytest.fixture(scope="module")
def pages(viewed_run: RunFolder) -> Iterator[Path]:
    """The folder of all views of a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(viewed_run.path.parents[3])
        assert main(["view", "out=pages"]) == 0
        yield Path("pages").absolute()


@pytest.mark.parametrize("kind", VIEWS)
def test_every_page_is_one_small_file(pages: Path, kind: str) -> None:
    check_page((pages / f"{kind}.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_the_screen_asks_for_nothing_and_has_contrast(
    browser: Any, pages: Path, kind: str, width: int, scheme: str
) -> None:
    address = (pages / f"{kind}.html").as_uri()
    seen = look(browser, address, width, scheme)
    if PICTURES:
        seen.page.screenshot(path=f"{PICTURES}/view_{kind}_{width}_{scheme}.png", full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert "taken" not in seen.page.title()
    assert (seen.told, seen.asked) == ([], [address])
    found = seen.page.evaluate(CONTRAST)
    assert len(found) > 20
    assert [each for each in found if not each[0] >= 4.5] == [], json.dumps(scheme)
    seen.page.close()


def read_panel(page: Any) -> list[str]:
    return [cell.inner_text() for cell in page.locator("#panel td:first-child").all()]


def test_guesses_are_shown_by_mouse_keyboard_and_tap(browser: Any, pages: Path) -> None:
    page = look(browser, (pages / "surprise.html").as_uri(), 1600).page
    spot = page.locator("#c30")
    names = page.locator("#names0 li")
    expected = [names.nth(int(pair.split(":")[0])).text_content() for pair in spot.get_attribute("data-g").split()]
    spot.hover()
    assert read_panel(page) == expected
    assert len(expected) == 5
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    for key, place in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 3998)]:
        page.keyboard.press(key)
        assert page.locator("i.at").get_attribute("id") == f"c{place}"
        box = page.locator("i.at").bounding_box()
        assert 0 <= box["y"] <= 900
    page.keyboard.press("Home")
    top = page.locator("i.at").bounding_box()["y"]
    page.keyboard.press("ArrowDown")
    assert page.locator("i.at").bounding_box()["y"] > top or page.evaluate("scrollY") > 0
    page.keyboard.press("ArrowUp")
    assert page.locator("i.at").get_attribute("id") == "c0"
    outline = page.evaluate("getComputedStyle(document.querySelector('i.at')).outlineStyle")
    assert outline == "solid"
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    phone = context.new_page()
    phone.goto((pages / "surprise.html").as_uri())
    phone.locator("#c30").tap()
    assert read_panel(phone) == expected
    assert phone.locator("#panel").bounding_box()["y"] + phone.locator("#panel").bounding_box()["height"] <= 800
    context.close()


def test_a_place_of_the_list_leads_to_its_character(browser: Any, pages: Path) -> None:
    page = look(browser, (pages / "surprise.html").as_uri(), 1600).page
    links = page.locator(".worst a")
    for number in (0, 7):
        links.nth(number).click()
        goal = links.nth(number).get_attribute("href")
        page.locator(f"{goal}.at").wait_for()
        assert 0 <= page.locator(goal).bounding_box()["y"] <= 900
