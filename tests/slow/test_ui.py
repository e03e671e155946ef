"""A sweep of four, seen in the MLflow UI by a real browser."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from charrnn_exp.tracking.pages import find_charts_page
from charrnn_exp.tracking.sweep_run import VIEW_TAG
from tests.slow.programs import serving_ui

pytestmark = pytest.mark.slow

SIZES = (16, 32, 64, 128)
SWEEP = [
    "-m",
    "model.hidden_size=16,32,64,128",
    "dataset.max_bytes=200000",
    "training.max_steps=200",
    "training.batch_size=16",
    "training.validate_every_steps=20",
    "sampling.length=200",
]
PICTURES = os.environ.get("CHARRNN_UI_PICTURES")
"""Folder to leave the pictures in, for the docs."""
READ_CHARTS = """Array.from(document.querySelectorAll('[data-testid=experiment-view-compare-runs-card]'), card => [
    card.querySelector('h4').title,
    Array.from(card.querySelectorAll('.js-plotly-plot'), plot => plot.data
        .filter(line => line.visible !== false && line.x)
        .map(line => ({kind: line.type, name: line.name || '', length: line.x.length}))).flat()])"""
"""The charts that the page has drawn, from the top: name, and what is drawn in each."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    subprocess.run([sys.executable, "-m", "charrnn_exp", *SWEEP], cwd=folder, check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def page_address(swept: Path) -> Iterator[str]:
    """The address that the `ui` verb prints."""
    with serving_ui(swept) as address:
        yield address


def test_four_jobs_give_four_folders_and_four_runs_with_their_params_and_names(swept: Path) -> None:
    from mlflow import MlflowClient

    folders = sorted(path.parent for path in swept.glob("outputs/charrnn/*/*/*/summary.json"))
    assert [folder.name for folder in folders] == ["0", "1", "2", "3"]
    client = MlflowClient(tracking_uri=f"sqlite:///{swept}/mlruns/mlflow.db")
    experiment_id = client.get_experiment_by_name("charrnn").experiment_id
    (sweep,) = client.search_runs([experiment_id], "tags.sweep_run LIKE 'charrnn/%'")
    assert {each.path for each in client.list_artifacts(sweep.info.run_id)} == {"comparison.html", "sweep.json"}
    assert sweep.data.tags["jobs_done"] == "4 of 4"
    runs = client.search_runs([experiment_id], "tags.sweep LIKE 'charrnn/%'")
    assert sorted(int(run.data.params["model.hidden_size"]) for run in runs) == list(SIZES)
    for run in runs:
        assert run.info.run_name == f"model.hidden_size={run.data.params['model.hidden_size']}"
        assert run.info.status == "FINISHED"
    assert len({run.data.tags["sweep"] for run in runs}) == 1


@pytest.fixture(scope="module")
def page(page_address: str) -> Iterator[Any]:
    """The page that the verb opens, in a real browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "the browser test needs Chromium"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        opened = browser.new_page(viewport={"width": 1500, "height": 950})
        opened.goto(page_address)
        opened.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(timeout=60_000)
        close = opened.get_by_role("button", name="Close")
        if close.count():
            close.first.click()
        opened.wait_for_timeout(3_000)
        yield opened
        browser.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(PICTURES) if PICTURES else tmp_path_factory.mktemp("pictures")


def test_what_the_server_says_of_errors_fills_no_pipe(page_address: str) -> None:
    family = psutil.Process().children(recursive=True)
    servers = [each for each in family if each.cmdline()[3:5] == ["mlflow", "ui"]]
    assert len(servers) == 1
    assert not os.readlink(f"/proc/{servers[0].pid}/fd/2").startswith("pipe:")


def test_the_first_charts_are_training_and_validation_loss_with_the_curves_of_all_four(
    page: Any, pictures: Path
) -> None:
    page.screenshot(path=str(pictures / "charts.png"))
    charts = page.evaluate(READ_CHARTS)
    assert [name for name, _ in charts[:2]] == ["loss/train_loss", "loss/val_loss"]
    for _, lines in charts[:2]:
        for size in SIZES:
            # MLflow draws several traces a curve.
            lengths = [line["length"] for line in lines if f"model.hidden_size={size} " in f"{line['name']} "]
            assert max(lengths) > 5, (size, lines)
    for size in SIZES:
        assert page.get_by_text(f"model.hidden_size={size}").first.is_visible()


def test_no_chart_is_a_line_of_one_dot(page: Any) -> None:
    seen = read_all_charts(page)
    assert {"updates/learning_rate", "validation/val_bits_per_char", "scores/val_accuracy", "val_loss"} <= set(seen)
    for name, lines in seen.items():
        assert lines, name
        dots = [line for line in lines if line["kind"] != "bar" and line["length"] < 2]
        assert not dots, name
        assert (lines[0]["kind"] == "bar") == name.startswith("scores/"), name


def test_the_samples_of_the_runs_stand_side_by_side(page_address: str, page: Any, pictures: Path) -> None:
    page.goto(page_address.replace("CHART", "ARTIFACT"))
    page.get_by_text("step 200, text 1").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2_000)
    page.screenshot(path=str(pictures / "samples.png"))
    text = page.locator("body").inner_text()
    for name, value in (("Table", "samples.json"), ("Group by", "sample"), ("Compare", "text")):
        assert re.search(rf"{name}:\s*{value}\b", text), name


def test_the_address_in_the_last_lines_of_a_run_opens_its_page(
    swept: Path, page_address: str, page: Any, pictures: Path
) -> None:
    (log,) = swept.glob("outputs/charrnn/*/*/3/run.log")
    printed = re.search(r"then at: +(\S+)", log.read_text(encoding="utf-8"))
    assert printed is not None
    assert printed[1].endswith("?workflowType=machine_learning")
    # The verb may serve another port than the usual one.
    page.goto(page_address.partition("#")[0] + "#" + printed[1].partition("#")[2])
    page.get_by_text("loss/val_loss").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2_000)
    page.screenshot(path=str(pictures / "run.png"))
    assert page.get_by_text("model.hidden_size").first.is_visible()
    assert page.get_by_text(f"model.hidden_size={SIZES[3]}").first.is_visible()


def test_the_view_of_a_sweep_has_its_jobs_grouped_by_the_swept_setting(
    swept: Path, page_address: str, page: Any, pictures: Path
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{swept}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("charrnn")
    (key,) = [tag.removeprefix(VIEW_TAG) for tag in experiment.tags if tag.startswith(VIEW_TAG)]
    root = page_address.partition("/#")[0]
    page.goto(find_charts_page(root, experiment.experiment_id, view=key))
    page.get_by_text("Group by: model.hidden_size").first.wait_for(timeout=60_000)
    page.get_by_text(f"Group: {SIZES[0]}").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2_000)
    page.screenshot(path=str(pictures / "sweep.png"))
    assert page.get_by_text("matching runs").first.inner_text().startswith("4 ")


def read_all_charts(page: Any) -> dict[str, Any]:
    """Scroll through the page, which draws a chart when it is seen; return all charts by name."""
    seen: dict[str, Any] = {}
    page.mouse.move(1_000, 600)
    for _ in range(30):
        seen |= {name: lines for name, lines in page.evaluate(READ_CHARTS) if lines}
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(700)
    return seen
