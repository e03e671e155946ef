"""The page of a comparison in a real browser: on a phone, a laptop and a large screen, without a network."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from charrnn_exp.sweeps.comparison.comparison import compare_runs
from charrnn_exp.sweeps.comparison.page import write_page
from tests.sweeps.comparison.runs import SWEEP, Made, make_run, spread_blocks

pytestmark = pytest.mark.slow

PICTURES = os.environ.get("CHARRNN_UI_PICTURES")
"""Folder to leave the pictures in."""
WIDTHS = (400, 1280, 1920)
CONTRAST = """() => {
  const shine = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { while (e && getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
    return getComputedStyle(e || document.body).backgroundColor; };
  return [...document.querySelectorAll('main *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3
    && n.data.trim()) && e.tagName !== 'title').map(e => { const style = getComputedStyle(e);
    const [a, b] = [shine(e.ownerSVGElement ? style.fill : style.color), shine(behind(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.tagName + ': ' + e.textContent.slice(0, 40)]; });
}"""
"""Contrast of each text, and the beginning of the text."""
EVIL = '"><script>document.title="taken"</script><img src="http://127.0.0.1:9/x">'


@dataclass
class Seen:
    """What a page did.

    Args:
        page: of the browser.
        told: messages of its console, and errors.
        asked: addresses that it asked for.
    """

    page: Any
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of two sizes, two rates and three seeds, one run of another text, and one that failed."""
    here = tmp_path_factory.mktemp("compared")
    jobs = [(size, rate, seed) for size in (16, 64) for rate in (0.004, 0.01) for seed in (1, 2, 3)]
    for job, (size, rate, seed) in enumerate(jobs):
        last = 2.0 - size / 200 - 10 * rate + 0.01 * seed
        losses = [last + 1.5 / step for step in range(1, 31)]
        rows: list[dict[str, float]] = []
        for step, loss in enumerate(losses, start=1):
            rows += [{"step": step, "train_loss": loss, "chars_per_second": 1e4}, {"step": step, "val_loss": loss}]
        summary = {"val_loss": losses[-1], "block_losses": {"val": list(spread_blocks(losses[-1], job))}}
        words = (f"model.hidden_size={size}", f"optimizer.learning_rate={rate}", f"seed={seed}")
        make_run(here / SWEEP / str(job), Made(words=words, rows=rows, sample=f"{EVIL} of {job}\n", summary=summary))
    make_run(here / SWEEP / "12", Made(text="ef" * 32))
    failed = make_run(here / SWEEP / "13", Made(summary={"status": "FAILED"}))
    failed.log.write_text(f"2026-01-02 03:04:05,006 ERROR charrnn_exp: {EVIL}\n")
    write_page(here / "page.html", compare_runs(str(here / SWEEP), loss=2.0))
    return (here / "page.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "the browser test needs Chromium"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def look(browser: Any, address: str, width: int, scheme: str = "light") -> Seen:
    seen = Seen(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
    seen.page.on("console", lambda message: seen.told.append(message.text))
    seen.page.on("pageerror", lambda error: seen.told.append(str(error)))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    seen.page.goto(address)
    return seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_the_screen_asks_for_nothing_and_runs_no_script_of_a_run(
    browser: Any, address: str, width: int, scheme: str
) -> None:
    seen = look(browser, address, width, scheme)
    if PICTURES:
        seen.page.screenshot(path=f"{PICTURES}/compare_{width}_{scheme}.png", full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.page.title() == "Comparison of 13 runs"
    assert (seen.told, seen.asked) == ([], [address])


def test_curves_are_shown_by_step_time_and_characters_and_hidden_one_by_one(browser: Any, address: str) -> None:
    page = look(browser, address, 1280).page
    curves = {name: page.get_by_role("img", name=f"Validation loss by {name}", exact=True).first
              for name in ("step", "time", "characters")}  # fmt: skip
    for name, curve in curves.items():
        page.get_by_label(f"by {name}").first.check()
        assert [each for each, other in curves.items() if other.is_visible()] == [name]
        assert curve.locator("path.band").count() == 4
    line = curves["characters"].locator('[data-line="B"]')
    assert line.is_visible()
    page.get_by_role("checkbox").nth(1).uncheck()
    assert not line.is_visible()


def test_a_click_on_a_header_sorts_the_table_by_its_numbers(browser: Any, address: str) -> None:
    page = look(browser, address, 1280).page
    table = page.get_by_role("table").first
    button = table.get_by_role("button", name="learning_rate")
    place = table.locator("th").all_inner_texts().index("learning_rate")
    for order in ("ascending", "descending"):
        button.focus()
        page.keyboard.press("Enter")
        rates = [float(row.locator("td").nth(place).inner_text()) for row in table.locator("tbody tr").all()]
        assert rates == sorted(rates, reverse=order == "descending")
        assert table.locator("th").nth(place).get_attribute("aria-sort") == order


def test_all_text_has_a_contrast_of_4_5(browser: Any, address: str) -> None:
    """Against the background of the nearest element that has one; the formula of WCAG 2."""
    for scheme in ("light", "dark"):
        found = look(browser, address, 1280, scheme).page.evaluate(CONTRAST)
        assert len(found) > 100
        assert [each for each in found if not each[0] >= 4.5] == [], json.dumps(scheme)
