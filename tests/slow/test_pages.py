"""Our pages by the rules of axe-core, and within MLflow's view of artifacts, in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charrnn_exp.config.choices import VIEWS
from charrnn_exp.run_folder.folder import RunFolder
from tests.slow.programs import end, serving_ui, start
from tests.slow.served import Served, serving, train_small
from tests.slow.test_compare import address, browser, look
from tests.slow.test_view import pages
from tests.viewed_run import viewed_run

__all__ = ["address", "browser", "pages", "viewed_run"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PICTURES = os.environ.get("CHARRNN_UI_PICTURES")
"""Folder to leave the pictures in."""
ON_SCREENS = [(400, "light"), (1600, "dark")]
TRACKED = ["dataset=stdlib", "dataset.max_bytes=80000", "model.hidden_size=16", "training.max_steps=20"]
TRACKED += ["training.sequence_length=50", "training.batch_size=16"]


def find_faults(page: Any) -> list[str]:
    """Return the violations that axe-core calls serious or critical, with the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response
    assert len(found["passes"]) > 5
    return [
        f"{each['id']} ({each['impact']}): {[node['html'] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize(("width", "scheme"), ON_SCREENS)
def test_a_view_has_no_serious_fault(browser: Any, pages: Path, kind: str, width: int, scheme: str) -> None:
    page = look(browser, (pages / f"{kind}.html").as_uri(), width, scheme).page
    assert find_faults(page) == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), ON_SCREENS)
def test_a_comparison_has_no_serious_fault(browser: Any, address: str, width: int, scheme: str) -> None:
    page = look(browser, address, width, scheme).page
    assert find_faults(page) == []
    page.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server of a small model."""
    place = tmp_path_factory.mktemp("served")
    train_small(place, "training.max_steps=30")
    with serving(place) as running:
        yield running


@pytest.mark.parametrize(("width", "scheme"), ON_SCREENS)
def test_the_page_of_serve_has_no_serious_fault(browser: Any, served: Served, width: int, scheme: str) -> None:
    page = look(browser, served.address, width, scheme).page
    page.get_by_text("ready").wait_for(timeout=10_000)
    page.get_by_role("button", name="Write").click()
    page.get_by_text("characters in").wait_for(timeout=60_000)
    assert find_faults(page) == []
    page.close()


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the views of a run in MLflow's UI."""
    place = tmp_path_factory.mktemp("tracked")
    for words in (TRACKED, ["view", "log=true"]):
        code, _, err = end(start(place, *words))
        assert code == 0, err
    record = RunFolder(next(place.glob("outputs/*/*/*"))).read_tracking()
    with serving_ui(place) as ui:
        server = ui.partition("/#")[0]
        yield f"{server}/#/experiments/{record['experiment_id']}/runs/{record['run_id']}/artifacts/views"


@pytest.mark.parametrize(("kind", "width"), [*((kind, 400) for kind in VIEWS), ("surprise", 1600)])
def test_a_view_opens_from_mlflow(browser: Any, artifacts: str, kind: str, width: int) -> None:
    """MLflow shows a page in a frame without an origin. On a phone its own columns cover most of it."""
    page = look(browser, f"{artifacts}/{kind}.html?workflowType=machine_learning", width).page
    frame = page.frame_locator("iframe").locator("main")
    frame.wait_for(timeout=60_000)
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/mlflow_{kind}_{width}.png")
    inside = page.frames[-1]
    assert inside.locator("h1").count() == 1
    assert inside.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if kind == "surprise" and width == 1600:
        inside.locator("#c30").hover()
        assert inside.locator("#panel td:first-child").count() == 5
    page.close()
